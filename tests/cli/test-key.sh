#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Keys on the command line: printed once, alone on standard output; listed without their text; revoked.
. "$(dirname "$0")/lib.sh"

runs 1 "no catalogue to list" "$niteru" key list
runs 2 "create without a kind" "$niteru" key create --name backend
complains "--kind publishable, secret or admin"
runs 1 "an unknown kind" "$niteru" key create --kind root --name backend
complains "publishable, secret and admin"
[ -e "$NITERU_CATALOGUE" ] && not_ok "a refusal made no catalogue" || ok "a refusal made no catalogue"
runs 0 "create" "$niteru" key create --kind secret --name backend
key=$(cat "$work/out")
case $key in
nk_sec_*) ok "a secret key" ;;
*) not_ok "a secret key" ;;
esac
is "$(wc -c <"$work/out")" 51 "the key is alone on standard output"
complains "not shown again"
grep -qF "$key" "$work/err" && not_ok "the explanation is without it" || ok "the explanation is without it"
runs 0 "create for pages" "$niteru" key create --kind publishable --name shop --origin https://Shop.example --origin http://localhost:3000 --json
says '"key": "nk_pub_'
runs 1 "a name that is in use" "$niteru" key create --kind admin --name backend
complains "revoke that one first"
runs 1 "an origin that is none" "$niteru" key create --kind publishable --name x --origin shop.example
complains "https://shop.example"
runs 0 "list" "$niteru" key list
says "backend"
says "https://shop.example, http://localhost:3000"
says "$(printf %.13s "$key")"
grep -qF "$key" "$work/out" && not_ok "the list is without keys" || ok "the list is without keys"
runs 0 "nothing on disk holds the key" sh -c "! grep -rqF '$key' '$work'/shop.niteru"
runs 1 "revoke nobody" "$niteru" key revoke nobody
complains "no key in use is named 'nobody'"
runs 1 "revoke what is nearly a key" "$niteru" key revoke "${key}x"
grep -qF "$key" "$work/err" && not_ok "the refusal is without it" || ok "the refusal is without it"
runs 0 "revoke by the key" "$niteru" key revoke "$key"
runs 0 "list as JSON" "$niteru" key list --json
says '"revoked": "2'
runs 0 "the name is free" "$niteru" key create --kind secret --name backend --quiet
is "$(cat "$work/err")" "" "quiet says nothing"
runs 0 "check" "$niteru" check
runs 2 "usage" "$niteru" key show backend
runs 0 "one to rotate" "$niteru" key create --kind publishable --name turning --origin https://shop.example -q
old=$(cat "$work/out")
runs 2 "an overlap that is no time" "$niteru" key rotate turning --overlap soon
complains "24h"
runs 1 "a longer one than may be" "$niteru" key rotate turning --overlap 31d
complains "30 days at most"
runs 1 "nobody to rotate" "$niteru" key rotate nobody
complains "no key in use is named 'nobody'"
runs 0 "rotate" "$niteru" key rotate turning --overlap 2h
case $(cat "$work/out") in
"$old") not_ok "another key" ;;
nk_pub_*) ok "another key" ;;
*) not_ok "another key" ;;
esac
runs 0 "both are listed" sh -c "'$niteru' key list | grep -c 'turning.*https://shop.example'"
says "2"
runs 0 "the old one until later" sh -c "'$niteru' key list | grep \"$(printf %.13s "$old").*$(date -u -d '+2 hours' +%FT%H)\\|$(date -u -d '+2 hours 10 seconds' +%FT%H)\""
runs 0 "revoke the old one alone" "$niteru" key revoke "$(printf %.13s "$old")"
runs 0 "rotate at once" "$niteru" key rotate turning --overlap 0s
runs 0 "revoke all of the name" "$niteru" key revoke turning
runs 1 "none is left" "$niteru" key revoke turning
finish
