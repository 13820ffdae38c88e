#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the command line writes itself is in the audit log: what, how it ended, and by whom.
. "$(dirname "$0")/lib.sh"

draw_shop 8
runs 1 "no catalogue" "$niteru" audit
runs 0 "index" "$niteru" index "$work/photos/catalog.csv" -q
runs 0 "the log" "$niteru" audit
says "indexSource"
says "source $(printf %.20s "$work/photos")"
says "command of user $(id -u)"
first=$("$niteru" list -k 1)
runs 0 "remove" "$niteru" remove "$first" -q
runs 1 "a source that is not there" "$niteru" index "$work/none" -q
runs 0 "a key" "$niteru" key create --kind secret --name backend -q
runs 2 "what is not understood" "$niteru" remove --nothing
runs 0 "reading" "$niteru" show "$("$niteru" list -k 1)"
runs 0 "as JSON" "$niteru" audit --json
is "$(sed 's/.*"operation": "\([^"]*\)".*/\1/' "$work/out" | tr '\n' ' ')" "indexSource removeProducts indexSource createKey " "the operations, in order"
is "$(grep -o '"state": "[a-z]*"' "$work/out" | tr '\n' ' ')" '"state": "done" "state": "done" "state": "failed" ' "how they ended"
says "\"what\": \"$first\""
runs 0 "none since tomorrow" "$niteru" audit --since 2999-01-01 --json
is "$(cat "$work/out")" "" "nothing then"
runs 1 "a moment that is none" "$niteru" audit --since soon
complains "2026-11-27"
finish
