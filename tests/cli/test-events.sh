#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Events out of files, with and without a server; how long they are kept; what a visitor is recommended.
. "$(dirname "$0")/lib.sh"

draw_shop 40
"$niteru" index "$work/photos/catalog.csv" -q
first=$("$niteru" list -k 1)
second=$("$niteru" list -k 2 | tail -n 1)
now=$(date +%s)

runs 0 "somebody unknown" "$niteru" recommend
says "nothing is known of this visitor"
printf '{"kind": "view", "product": "%s", "user": "7", "time": %s}\n' "$first" "$now" >"$work/events.jsonl"
printf '{"kind": "click", "product": "%s", "user": "7"}\n' "$second" >>"$work/events.jsonl"
runs 0 "JSONL" "$niteru" events import "$work/events.jsonl"
says "2 new events, 0 known already, 0 over what a visitor counts for, 0 refused"
runs 0 "a user" "$niteru" recommend 7 -k 3
says "taste"
says "$second"
runs 0 "a user, as JSON" "$niteru" recommend 7 -k 3 --json
is "$(grep -c '"position"' "$work/out")" 3 "as many as are wanted"
runs 0 "a session of that name" "$niteru" recommend 7 --session
says "nothing is known of this visitor"
runs 1 "a condition that is none" "$niteru" recommend 7 --where "nix nix"
runs 2 "no diversity" "$niteru" recommend 7 --diversity 2

# a log of a shop: an impression in each row, and perhaps a click
cat >"$work/log.csv" <<END
when;item;place;clicked;who
2019-11-24 00:03:13.442536+00:00;$first;1;0;a
2019-11-24 00:04:13+00:00;$second;3;1;b
2019-11-24T00:05:13Z;nix;2;0;c
soon;$first;2;0;d
2019-11-24 00:06:13+00:00;$first;0;0;e
END
set -- --map product=item --map time=when --map position=place --map session=who --set kind=impression --also click=clicked \
    --position-base 1 --set scenario=women
runs 1 "too old" "$niteru" events import "$work/log.csv" "$@"
complains "log.csv:2: time: is older than events are kept"
runs 0 "how long" "$niteru" events retention
says "400 days"
runs 0 "for ever" "$niteru" events retention off
runs 0 "old ones" "$niteru" events import "$work/log.csv" "$@"
says "3 new events, 0 known already, 0 over what a visitor counts for, 3 refused"
complains "log.csv:4: product: there is no product 'nix' here"
complains "log.csv:5: time: is Unix seconds"
complains "log.csv:6: position: is a whole number from 0"
runs 0 "once more" "$niteru" events import "$work/log.csv" "$@" --json
says '"known": 3'
runs 0 "each row a session" "$niteru" events import "$work/log.csv" --map product=item --map time=when --set kind=view --row-sessions
says "3 new events"
runs 0 "not so long" "$niteru" events retention 30 --json
says '"retention_days": 30'
is "$(find "$NITERU_CATALOGUE/events" -name '2019*' | wc -l | tr -d ' ')" 0 "what is older is gone"

runs 1 "a column that is not there" "$niteru" events import "$work/log.csv" --map product=thing
complains "has no column 'thing'"
runs 1 "a pair that is none" "$niteru" events import "$work/log.csv" --map product
complains "NAME=TEXT (--map FIELD=COLUMN)"
runs 1 "a file that is not there" "$niteru" events import "$work/none.csv"
: >"$work/empty.csv"
runs 1 "an empty file" "$niteru" events import "$work/empty.csv"
complains "is empty"
printf 'a,a\n1,2\n' >"$work/twice.csv"
runs 1 "two columns of a name" "$niteru" events import "$work/twice.csv"
complains "two columns are named 'a'"
runs 2 "nothing to do" "$niteru" events import
runs 2 "a retention that is none" "$niteru" events retention soon
head -c 20000 /dev/urandom >"$work/noise.jsonl"
runs 1 "noise" "$niteru" events import "$work/noise.jsonl"

"$niteru" serve --listen 127.0.0.1:0 >"$work/served" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server; rm -rf "$work"' EXIT
for _ in $(seq 100); do grep -qs "serves" "$work/served" && break; sleep 0.1; done
runs 0 "beside a server" "$niteru" events import "$work/events.jsonl" --json
says '"refused": 0'
printf '{"kind": "cart", "product": "%s", "user": "8", "id": "x"}\n{"kind": "cart"}\n{' "$first" >"$work/more.jsonl"
runs 0 "some of them" "$niteru" events import "$work/more.jsonl"
says "1 new event, 0 known already, 0 over what a visitor counts for, 2 refused"
complains "more.jsonl:2: product: names the product"
complains "more.jsonl:3:"
runs 0 "by the server's catalogue" "$niteru" recommend 8
says "$first"
url=$(sed -n 's/.* at \(http[^ ]*\).*/\1/p' "$work/served")
python3 - "$url/v1/scenarios/till" >"$work/put" <<'END'
import sys, urllib.request
body = b'{"k": 2, "rules": [{"rule": "pin", "products": ["nowhere"]}]}'
put = urllib.request.Request(sys.argv[1], body, {"Content-Type": "application/json"}, method="PUT")
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(put).read())
END
runs 0 "as a scenario has it" "$niteru" recommend 8 --scenario till
says "note: rules[0]: 'nowhere' is not pinned"
is "$("$niteru" recommend 8 --scenario till --json | grep -c '"position"')" 2 "as many as it says"
is "$("$niteru" recommend 8 --scenario till -k 3 --json | grep -c '"position"')" 3 "unless who asks says so"
finish
