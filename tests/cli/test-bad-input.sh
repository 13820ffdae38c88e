#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input: each is named, costs only itself, and is counted.
. "$(dirname "$0")/lib.sh"
draw_shop 12
images=$work/photos/images
set -- "$images"/*
good=$1
other=$2
bad=$work/photos/bad
mkdir "$bad"

: >"$bad/empty.jpg"
head -c 2000 "$good" >"$bad/truncated.jpg"
printf '%%PDF-1.7 not a photo' >"$bad/document.jpg"
printf '<svg xmlns="http://www.w3.org/2000/svg"/>' >"$bad/drawing.png"
head -c 3000 /dev/urandom >"$bad/noise.jpg"
cp "$good" "$bad/wrongly-named.gif"
mkdir "$bad/a-folder.jpg"
printf 'id,image,category\n' >"$work/photos/list.csv"
for name in empty.jpg truncated.jpg document.jpg drawing.png noise.jpg wrongly-named.gif a-folder.jpg missing.jpg; do
    echo "$name,bad/$name,X" >>"$work/photos/list.csv"
done
echo "no-image,,X" >>"$work/photos/list.csv"
echo ",images/$(basename "$good"),X" >>"$work/photos/list.csv"
echo "fine,images/$(basename "$other"),X" >>"$work/photos/list.csv"
echo "fine,images/$(basename "$good"),X" >>"$work/photos/list.csv"
printf 'quote,"images/a"b.jpg,X\n' >>"$work/photos/list.csv"
printf 'broken\377,images/x.jpg,X\n' >>"$work/photos/list.csv"
echo "last,images/$(basename "$good"),X" >>"$work/photos/list.csv"

runs 0 "a list with all kinds of bad rows" "$niteru" index "$work/photos/list.csv" --errors "$work/errors.jsonl"
for what in empty.jpg truncated.jpg document.jpg drawing.png noise.jpg a-folder.jpg missing.jpg; do
    runs 0 "$what is reported" grep -q "$what" "$work/errors.jsonl"
done
runs 0 "wrongly named, yet read" "$niteru" show wrongly-named.gif
says "jpeg"
for line in 10 11 13 14 15; do
    runs 0 "line $line is named" grep -q "list.csv:$line" "$work/errors.jsonl"
done
runs 0 "the rest went on" "$niteru" show fine last
runs 0 "a PDF is called one" grep -qi "pdf" "$work/errors.jsonl"
is "$(wc -l <"$work/errors.jsonl")" 12 "twelve failures, one line each"

runs 1 "nothing usable at all" "$niteru" -C "$work/none.niteru" index "$bad/a-folder.jpg/.."  --limit photo-bytes=1
runs 1 "no such source" "$niteru" index "$work/nowhere"
complains "nowhere"
printf 'id,image\n1,\216\227.jpg\n' >"$work/cp932.csv"
runs 1 "CP932 without being told" "$niteru" -C "$work/cp.niteru" index "$work/cp932.csv"
runs 1 "no id column" sh -c "printf 'a,b\n1,2\n' >'$work/x.csv'; '$niteru' index '$work/x.csv'"
complains "id"
runs 1 "too many pixels" "$niteru" -C "$work/small.niteru" --limit photo-pixels=1000 index "$images"
complains "photo-pixels"

# Lists and folders of other makes
list=$work/photos/made.csv
first=$(basename "$good") second=$(basename "$other")
printf 'id,image,title\rp1,%s,a\rp2,%s,b\r' "images/$first" "images/$second" >"$list"
runs 0 "lines that end in CR" "$niteru" -C "$work/made.niteru" index "$list"
says "2 products"
printf 'id,image,title\np1,images/%s,Gr\366\337e 4 \200\np3,images/%s,5 \200\n' "$first" "$first" >"$list"
runs 1 "cp1252 without being told" "$niteru" -C "$work/made.niteru" index "$list" --prune
complains "it reads as cp1252: 'Größe 4 €', '5 €'"
runs 1 "latin1 in its place" "$niteru" -C "$work/made.niteru" index "$list" --encoding latin1
complains "add --encoding cp1252"
printf 'id,image,title\np1,images/%s,a\np2,,b\n' "$first" >"$list"
runs 1 "nothing is pruned for a bad row" "$niteru" -C "$work/made.niteru" index "$list" --prune
complains "made.csv:3"
complains "nothing was pruned"
runs 0 "both are there" "$niteru" -C "$work/made.niteru" show p1 p2
printf 'id,image\np1,"%s, %s"\np2,%s\n' "$first" "$second" "$first" >"$list"
runs 0 "photos elsewhere, parted by commas" "$niteru" -C "$work/made.niteru" index "$list" --photos "$images" --image-separator ,
says "0 failed"
runs 1 "all photos missing" "$niteru" -C "$work/missing.niteru" index "$list" --image-separator ,
complains "made.csv:2: "
complains "--photos DIR"
printf 'id,image\n' >"$list"
runs 1 "no row at all" "$niteru" -C "$work/made.niteru" index "$list"
complains "no row below the header"
deep=$(head -c 240 /dev/zero | tr '\0' d)
printf 'id,image\np1,images/%s\np2,%s/%s/x.jpg\n' "$first" "$deep" "$deep" >"$list"
runs 0 "a path that is long" "$niteru" -C "$work/made.niteru" index "$list"
complains "No such file or directory"
mkdir "$work/mixed"
cp "$good" "$work/mixed/a.jpg"
cp "$good" "$work/mixed/b.jpg_large"
cp "$other" "$work/mixed/c"
echo text >"$work/mixed/d.txt"
echo text >"$work/mixed/.hidden"
runs 0 "a folder of many things" "$niteru" -C "$work/mixed.niteru" index "$work/mixed"
says "3 products: 2 photos embedded, 0 known already, 1 identical to another, 0 failed"
says "2 other files in the folder: not photos (1 hidden)"
complains "d.txt (plain text)"
runs 0 "in JSON" "$niteru" -C "$work/mixed.niteru" index "$work/mixed" --json
says '"not_photos": 2'
ln -s /nowhere/at/all "$work/mixed/disk"
rm "$work/mixed/c"
runs 1 "nothing is pruned for a disk that is not there" "$niteru" -C "$work/mixed.niteru" index "$work/mixed" --prune
complains "mixed/disk"
is "$("$niteru" -C "$work/mixed.niteru" list | wc -l)" 3 "all three are left"
runs 1 "more columns than there can be" "$niteru" -C "$work/wide.niteru" --limit list-columns=6000 index "$images"
complains "1990"

# A photo whose end is missing
mkdir "$work/short"
head -c $(($(wc -c <"$good") - 20)) "$good" >"$work/short/short.jpg"
cp "$other" "$work/short/whole.jpg"
runs 0 "a photo whose end is missing" "$niteru" -C "$work/short.niteru" index "$work/short"
says "2 photos embedded, 0 known already, 1 cut short, 0 failed"
complains "1 photo was cut short and taken: $work/short/short.jpg ("
complains "--strict refuses"
runs 0 "in JSON" "$niteru" -C "$work/short2.niteru" index "$work/short" --json
says '"cut_short": 1'
runs 0 "strictly" "$niteru" -C "$work/short3.niteru" index "$work/short" --strict --json
says '"cut_short": 0'
says '"failed": 1'

# ONNX networks
head -c 100000 "$NITERU_MODELS/niteru-base.onnx" >"$work/cut.onnx"
runs 1 "a truncated network" "$niteru" model add "$work/cut.onnx" --preset squash
complains "cut.onnx"
runs 1 "not a network" "$niteru" model add "$good" --preset squash
runs 1 "no preset told" "$niteru" model add "$NITERU_MODELS/niteru-base.onnx" --name again
complains "--preset"
runs 1 "no such preset" "$niteru" model add "$NITERU_MODELS/niteru-base.onnx" --name again --preset nice
complains "torchvision"
runs 1 "a name that is a path" "$niteru" model add "$NITERU_MODELS/niteru-base.onnx" --name ../x --preset squash
runs 0 "a good one" "$niteru" model add "$NITERU_MODELS/niteru-base.onnx" --name again --preset squash
runs 1 "the name is taken" "$niteru" model add "$NITERU_MODELS/niteru-base.onnx" --name again --preset squash

# Vectors
runs 0 "export" "$niteru" export "$work/v"
head -c 200 "$work/v/image_vectors.npy" >"$work/cut.npy"
runs 1 "an .npy that lies about its size" "$niteru" import "$work/cut.npy" "$work/v/image_ids.txt" --model m
echo extra >>"$work/v/image_ids.txt"
runs 1 "more ids than rows" "$niteru" import "$work/v/image_vectors.npy" "$work/v/image_ids.txt" --model m
complains "rows"

# The catalogue
"$niteru" -C "$work/busy.niteru" index "$images" --quiet >/dev/null 2>&1
echo "not a database" >"$work/busy.niteru/catalogue.db"
runs 1 "a damaged database" "$niteru" -C "$work/busy.niteru" list
is "$(cat "$work/busy.niteru/catalogue.db")" "not a database" "it is left as it is"
mkdir "$work/foreign"
echo "not a database" >"$work/foreign/catalogue.db"
runs 1 "another program's database" "$niteru" -C "$work/foreign" index "$images"
is "$(ls "$work/foreign")" catalogue.db "nothing is put beside it"
runs 1 "a network that is none, in a new catalogue" "$niteru" -C "$work/new.niteru" model add "$good" --preset squash
runs 1 "a list that is none" "$niteru" -C "$work/new.niteru" index "$work/nowhere.csv"
runs 1 "vectors that are none" "$niteru" -C "$work/new.niteru" import "$good" "$list" --model m
[ -e "$work/new.niteru" ] && not_ok "no empty catalogue is left" || ok "no empty catalogue is left"
mkdir "$work/kept.niteru"
runs 1 "in a folder that was there" "$niteru" -C "$work/kept.niteru/sub" index "$work/nowhere.csv"
is "$(ls "$work/kept.niteru")" "" "which stays, empty as it was"
mkdir "$work/things"
echo hello >"$work/things/file"
runs 1 "a folder that holds something else" "$niteru" -C "$work/things" index "$images"
finish
