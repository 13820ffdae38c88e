#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Kills `niteru index` at random moments; what was acknowledged stays, running again goes on, and in the end the
# catalogue equals one that was never disturbed. Also: two processes, a full disk, Ctrl-C.
. "$(dirname "$0")/lib.sh"
draw_shop 80
list=$work/photos/catalog.csv

"$niteru" -C "$work/calm.niteru" index "$list" --quiet >/dev/null
"$niteru" -C "$work/calm.niteru" export "$work/calm" --quiet >/dev/null

rounds=0 before=0
while [ $rounds -lt 27 ]; do
    # Several lives, so that kills also hit the first moments of a catalogue.
    [ $((rounds % 9)) != 0 ] || { rm -rf "$NITERU_CATALOGUE"; before=0; }
    "$niteru" index "$list" --quiet >/dev/null 2>&1 &
    process=$!
    sleep "0.$(awk "BEGIN { srand($rounds); printf \"%03d\", 20 + rand() * 500 }")"
    kill -9 $process 2>/dev/null
    wait $process 2>/dev/null
    rounds=$((rounds + 1))
    [ -f "$NITERU_CATALOGUE/catalogue.db" ] || continue
    if ! "$niteru" check >"$work/out" 2>"$work/err"; then not_ok "sound after kill $rounds"; break; fi
    now=$("$niteru" list | wc -l)
    if [ "$now" -lt "$before" ]; then not_ok "nothing acknowledged is lost (round $rounds: $now after $before)"; break; fi
    before=$now
done
ok "$rounds kills"
runs 0 "the last run comes to its end" "$niteru" index "$list"
"$niteru" export "$work/stormy" --quiet >/dev/null
runs 0 "the same products" cmp "$work/calm/image_ids.txt" "$work/stormy/image_ids.txt"
runs 0 "the same vectors" cmp "$work/calm/image_vectors.npy" "$work/stormy/image_vectors.npy"
runs 0 "sound" "$niteru" check
is "$(ls "$NITERU_CATALOGUE"/vectors | wc -l)" 1 "no left-over vectors files"

# Two processes at once take turns, and both come to their end; a removal beside them too.
rm -rf "$NITERU_CATALOGUE"
"$niteru" index "$list" --quiet >/dev/null 2>&1 &
process=$!
sleep 0.3
runs 1 "a removal beside a run is not kept out" "$niteru" remove no-such-product
says "0 removed"
runs 0 "a second run beside the first" "$niteru" index "$list"
wait $process
is "$?" 0 "the first run too"
"$niteru" export "$work/both" --quiet >/dev/null
runs 0 "the same products after both" cmp "$work/calm/image_ids.txt" "$work/both/image_ids.txt"
runs 0 "sound after both" "$niteru" check

# Ctrl-C: says how to go on, keeps what was done.
rm -rf "$NITERU_CATALOGUE"
sh -c 'exec "$0" index "$1"' "$niteru" "$list" >"$work/out" 2>"$work/err" &
process=$!
sleep 0.4
kill -INT $process 2>/dev/null
wait $process
status=$?
case $status in
1) complains "run the same command again" ;;
*) is "$status" 0 "it was done before Ctrl-C" ;;
esac
runs 0 "and goes on" "$niteru" index "$list"
is "$("$niteru" list | wc -l)" 80 "all there"

# A command that does not look for it is ended by the first one, at once.
printf '#!/bin/sh\nexec sleep 30\n' >"$work/slow" && chmod +x "$work/slow"
set -- "$work"/photos/images/*
began=$(date +%s)
NITERU_DECODER=$work/slow "$niteru" compare "$1" "$2" >"$work/out" 2>"$work/err" &
process=$!
sleep 0.5
kill -TERM $process
wait $process
is $? 143 "ended by the first signal"
[ $(($(date +%s) - began)) -lt 5 ] && ok "and at once" || not_ok "and at once"

# A full disk: an error, nothing lost, and it recovers. A real one where a file system of a megabyte may be mounted.
rm -rf "$NITERU_CATALOGUE"
mkdir "$work/disk"
full='mount -t tmpfs -o size=400k tmpfs "$2" && { "$0" -C "$2/s.niteru" index "$1"; echo "status $?"; } &&
    { [ ! -e "$2/s.niteru" ] || "$0" -C "$2/s.niteru" check >/dev/null; }; echo "check $?"; mount -o remount,size=50m "$2" &&
    "$0" -C "$2/s.niteru" index "$1" && "$0" -C "$2/s.niteru" check && echo "products $("$0" -C "$2/s.niteru" list | wc -l)"'
if unshare -rm true 2>/dev/null; then
    runs 0 "a disk of 400 kB" unshare -rm sh -c "$full" "$niteru" "$list" "$work/disk"
    says "status 1"
    says "check 0"
    says "products 80"
    complains "No space left on device"
else
    runs 1 "files of at most 300 kB" sh -c "ulimit -f 600; exec '$niteru' index '$list'"
    runs 0 "with room again" "$niteru" index "$list"
    runs 0 "sound after it" "$niteru" check
    is "$("$niteru" list | wc -l)" 80 "all there after it"
fi
finish
