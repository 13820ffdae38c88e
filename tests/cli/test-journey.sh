#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A shop's way from photos to answers.
. "$(dirname "$0")/lib.sh"
draw_shop 60
list=$work/photos/catalog.csv
ids() { tail -n +2 "$list" | cut -d, -f1; }
first=$(ids | head -n 1)
photo=$work/photos/$(sed -n 2p "$list" | cut -d, -f2)

runs 0 "index a list" "$niteru" index "$list"
says "60 products: 60 photos embedded, 0 known already, 0 failed"
runs 0 "index it again" "$niteru" index "$list"
says "60 products: 0 photos embedded, 60 known already, 0 failed"
cp "$photo" "$work/other.keep"
second=$work/photos/$(sed -n 3p "$list" | cut -d, -f2)
cp -p "$second" "$work/second.keep"
touch "$second"
runs 0 "a touched photo" "$niteru" index "$list"
says "0 photos embedded, 60 known already"
cp "$photo" "$second"
runs 0 "a photo that became a copy of another" "$niteru" index "$list"
says "0 photos embedded, 60 known already"
cp -p "$work/second.keep" "$second"
runs 0 "and back" "$niteru" index "$list"
says "0 photos embedded, 60 known already"

runs 0 "similar" "$niteru" similar "$first"
is "$(tail -n +2 "$work/out" | wc -l)" 5 "five results"
grep -qw -- "$first" "$work/out" && not_ok "itself is left out" || ok "itself is left out"
runs 0 "similar, JSON" "$niteru" similar "$first" -k 59 --json
is "$(grep -c '"product"' "$work/out")" 59 "as many as there are"
runs 0 "more than there are" "$niteru" similar "$first" -k 1000 --json
is "$(grep -c '"product"' "$work/out")" 59 "all the others"
runs 0 "search by its own photo" "$niteru" search "$photo" -k 1
says "$first"
says "100.0"
runs 0 "a condition" "$niteru" similar "$first" -k 4 --where "category = 'Mug' and price > 0"
is "$(grep -cw mug "$work/out")" 4 "k results under a condition"
runs 0 "nothing matches" "$niteru" similar "$first" --where "category = 'Boat'"
says "nothing is this alike: category = 'Boat' matches no product"
runs 0 "the case of a value" "$niteru" similar "$first" --where "category = 'mug'"
says "near it: 'Mug' ("
runs 0 "in JSON" "$niteru" similar "$first" --where "category = 'mug'" --json
says '"near": ['
says '"value": "Mug"'
runs 0 "in a list" "$niteru" list --where "category = 'mug' and price < 0"
complains "near it: 'Mug' ("
complains "price goes from"
is "$(wc -c <"$work/out")" 0 "which lists nothing"
runs 0 "in a list in JSON" "$niteru" list --where "category = 'mug'" --json
complains '"near": [{"condition": "category = '
runs 0 "in a search" "$niteru" search "$photo" --where "category = 'mugs'"
says "near it: 'Mug' ("
runs 1 "in an evaluation" "$niteru" eval --label brand --where "category = 'mug'"
complains "near it: 'Mug' ("
runs 0 "when removing" "$niteru" remove --where "category = 'mug'"
complains "near it: 'Mug' ("
"$niteru" similar "$first" -k 59 --json | sed -n 's/^ *"score": \([0-9.]*\),*$/\1/p' >"$work/scores"
least=$(tail -n 1 "$work/scores")
runs 0 "what is not alike" "$niteru" similar "$first" -k 59
says "$(awk "BEGIN { exit !($least < 24.9) }" && echo "not alike" || echo "alike")"
runs 0 "a threshold" "$niteru" similar "$first" -k 59 --threshold 100 --json
is "$(wc -c <"$work/err")" 0 "which needs no warning"
runs 0 "a threshold meant for 0 to 1" "$niteru" similar "$first" -t 0.9
complains "thresholds are from 0 to 100; 0.9 filters next to nothing; did you mean 90?"
runs 1 "a wrong field" "$niteru" similar "$first" --where "categry = 'Mug'"
complains "category"
runs 1 "no such product" "$niteru" similar nobody
complains "nobody"
runs 0 "compare" "$niteru" compare "$photo" "$photo"
says "100.0  nearly the same"
runs 0 "compare needs no catalogue" env NITERU_CATALOGUE=/nowhere "$niteru" compare "$photo" "$second" --json
runs 0 "nor one that is named" "$niteru" -C "$work/nowhere.niteru" compare "$photo" "$second"
runs 0 "nor for its own model" env NITERU_CATALOGUE=/nowhere "$niteru" compare "$photo" "$second" --model niteru-base
runs 1 "other models are in catalogues" env NITERU_CATALOGUE=/nowhere "$niteru" compare "$photo" "$second" --model other
complains "other"

runs 0 "a model without vectors" "$niteru" model add "$NITERU_MODELS/niteru-base.onnx" --name bare --preset squash
runs 1 "search with it" "$niteru" search "$photo" --model bare
complains "the model bare has no vectors yet"
complains "niteru index SOURCE --model bare"
runs 1 "similar with it" "$niteru" similar "$first" --model bare
complains "the model bare has no vectors yet"
runs 1 "eval with it" "$niteru" eval --label category --model bare
complains "the model bare has no vectors yet"
runs 0 "it goes again" "$niteru" model remove bare
runs 0 "show" "$niteru" show "$first"
says "category"
runs 1 "a full disk under a list" sh -c "'$niteru' list --json >/dev/full"
complains "No space left on device"
runs 0 "list" "$niteru" list --where "category = 'Mug'"
is "$(grep -vc '^mug' "$work/out")" 0 "only mugs"
runs 0 "info" "$niteru" info
says "products           60"
runs 0 "check" "$niteru" check
says "sound                true"
runs 0 "eval" "$niteru" eval --label category --json
says '"queries": 60'
says '"trained_on": "the clothing set'
runs 0 "eval in words" "$niteru" eval --label category
says "trained on: the clothing set"
says "figures on the same photos flatter it"
runs 0 "sheet, PNG" "$niteru" similar "$first" --sheet "$work/sheet.png"
is "$(head -c 4 "$work/sheet.png" | tail -c 3)" PNG "it is a PNG"
runs 0 "sheet, HTML" "$niteru" similar "$first" --sheet "$work/sheet.html"
runs 0 "it holds its photos" grep -q "data:image/" "$work/sheet.html"
runs 1 "sheet of another kind" "$niteru" similar "$first" --sheet "$work/sheet.pdf"

runs 0 "export" "$niteru" export "$work/vectors" --dtype f4
is "$(wc -l <"$work/vectors/image_ids.txt")" 60 "60 ids"
runs 0 "import elsewhere" "$niteru" -C "$work/two.niteru" import "$work/vectors/image_vectors.npy" "$work/vectors/image_ids.txt" --model mine
says "60 vectors taken in"
"$niteru" similar "$first" -k 10 --json 2>/dev/null | grep '"product"' >"$work/a"
"$niteru" -C "$work/two.niteru" similar "$first" -k 10 --json 2>/dev/null | grep '"product"' >"$work/b"
runs 0 "the same answers from imported vectors" cmp "$work/a" "$work/b"
"$niteru" -C "$work/two.niteru" export "$work/odd" --quiet
sed "1s/.*/$(printf 'a\342\200\256b')/;2s/.*/$(printf 'a\302\23331m')/" "$work/odd/image_ids.txt" >"$work/odd.txt"
runs 0 "ids that a terminal would obey" "$niteru" -C "$work/odd.niteru" import "$work/odd/image_vectors.npy" "$work/odd.txt" --model mine
complains 'a\x9b31m'
runs 0 "are listed" "$niteru" -C "$work/odd.niteru" list
says 'a\u202eb'
runs 0 "in JSON too" "$niteru" -C "$work/odd.niteru" list --json
says 'a\u202eb'
runs 1 "a network is needed to search by photo" "$niteru" -C "$work/two.niteru" search "$photo"
complains "imported vectors"

runs 0 "remove" "$niteru" remove "$first"
runs 1 "it is gone" "$niteru" similar "$first"
runs 1 "removing it again" "$niteru" remove "$first"
runs 0 "remove by a condition" "$niteru" remove --where "category = 'Mug'"
runs 0 "no mugs are left" "$niteru" list --where "category = 'Mug'"
is "$(wc -l <"$work/out")" 0 "none"
head -n 31 "$list" >"$work/photos/half.csv"
mv "$work/photos/half.csv" "$list"
runs 0 "prune" "$niteru" index "$list" --prune
is "$("$niteru" list | wc -l)" 30 "thirty are left"

runs 0 "a folder" "$niteru" -C "$work/folder.niteru" index "$work/photos/images"
says "60 products: 60 photos embedded"
runs 0 "ids are paths" "$niteru" -C "$work/folder.niteru" list
says "$(basename "$photo")"

runs 0 "a second model" "$niteru" -C "$work/folder.niteru" model add "$NITERU_MODELS/niteru-base.onnx" --name second --preset squash --default
runs 0 "which photos are embedded with" "$niteru" -C "$work/folder.niteru" index "$work/photos/images" --model second
says "60 photos embedded"
runs 0 "the first is used again" "$niteru" -C "$work/folder.niteru" model default niteru-base
runs 0 "the second is removed" "$niteru" -C "$work/folder.niteru" model remove second
is "$(ls "$work/folder.niteru/models" "$work/folder.niteru/vectors" | grep -c second)" 0 "nothing of it is left"
runs 1 "it is not there any more" "$niteru" -C "$work/folder.niteru" model remove second
complains "there are: niteru-base"
runs 0 "the first answers" "$niteru" -C "$work/folder.niteru" similar "$(basename "$photo")"
runs 0 "sound" "$niteru" -C "$work/folder.niteru" check
printf x >"$work/folder.niteru/catalogue.commits"
runs 1 "the record of commits is damaged" "$niteru" -C "$work/folder.niteru" check --json
says '"advice": "run niteru index on any source again'
finish
