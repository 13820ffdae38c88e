#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Simulated visitors: without a server, with one, twice the same, what they change and put back, stopped.
. "$(dirname "$0")/lib.sh"

draw_shop 60
"$niteru" index -q "$work/photos/catalog.csv" || { echo "Bail out! no catalogue"; exit 1; }
cp -r "$NITERU_CATALOGUE" "$work/other.niteru"
runs 1 "no server" "$niteru" simulate
complains "niteru serve"
for wrong in "--visitors -1" "--rounds 366" "-k 1001" "--preset loud" "--off-taste 1" "--drift 2" "--views 21"; do
    # shellcheck disable=SC2086
    runs 2 "refused: $wrong" "$niteru" simulate $wrong
done

serve() {
    : >"$work/served" # what the server before said is not what this one says
    "$niteru" -C "$1" serve --listen 127.0.0.1:0 --set control_percent=0 --set random_percent=0 >"$work/served" 2>&1 &
    server=$!
    trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$work"' EXIT
    while ! grep -q " at " "$work/served"; do
        kill -0 $server 2>/dev/null || { echo "Bail out! the server ended"; exit 1; }
        sleep 0.1
    done
}
leave() { kill $server; wait $server 2>/dev/null; trap 'rm -rf "$work"' EXIT; }

serve "$NITERU_CATALOGUE"
runs 1 "a field that there is not" "$niteru" simulate --by nix
complains "--by nix"
"$niteru" list --json >"$work/before"
runs 0 "visitors" "$niteru" simulate --visitors 12 --rounds 3 --preset busy --seed 5 --change-catalogue --json
cp "$work/out" "$work/first"
says '"answers": 36'
says '"events_refused": 0'
says '"sold_out_shown": 0'
"$niteru" list --json >"$work/after"
runs 0 "the catalogue is as it was" cmp "$work/before" "$work/after"
runs 0 "two fields" "$niteru" simulate --visitors 3 --rounds 2 --by category,currency
says "of category,currency"
says "all"
"$niteru" simulate --visitors 1000 --rounds 300 >"$work/out" 2>"$work/err" </dev/null &
simulator=$!
sleep 2
kill -INT $simulator
wait $simulator
is "$?" 1 "stopped"
says "round"
says "all"
leave

serve "$work/other.niteru"
runs 0 "the same seed" "$niteru" -C "$work/other.niteru" simulate --visitors 12 --rounds 3 --preset busy --seed 5 --change-catalogue --json
cp "$work/out" "$work/second"
runs 0 "gives the same" cmp "$work/first" "$work/second"
leave
finish
