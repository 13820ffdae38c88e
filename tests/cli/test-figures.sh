#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The published figures of two networks on real photos, each within 0.01: what decoding, resizing, the network and the
# search do together. Needs the photos and networks in $NITERU_SHARED.
. "$(dirname "$0")/lib.sh"
photos=$NITERU_SHARED/data networks=$NITERU_SHARED/models
for needed in "$photos/clothing/catalog.csv" "$photos/grocery/catalog.csv" "$networks/mobilenetv2-imagenet.onnx"; do
    [ -f "$needed" ] || skip_rest "$needed is not there"
done

# figure KEY WANTED: of the last `eval --json`, within 0.01.
figure() {
    got=$(sed -n "s/^ *\"$1\": \([0-9.]*\),*$/\1/p" "$work/out" | head -n 1)
    if awk "BEGIN { d = ${got:-9} - $2; exit !(d <= 0.01 && d >= -0.01) }"; then ok "$1 $2 ($got)"; else not_ok "$1 $2 ($got)"; fi
}

runs 0 "clothing" "$niteru" index "$photos/clothing/catalog.csv"
says "0 failed"
runs 0 "niteru-base by category" "$niteru" eval --label category --json
figure p1 0.943
figure p5 0.916
runs 0 "MobileNetV2 is added" "$niteru" model add "$networks/mobilenetv2-imagenet.onnx" --name mobilenetv2 --preset squash
runs 0 "and embeds clothing" "$niteru" index "$photos/clothing/catalog.csv" --model mobilenetv2
runs 0 "MobileNetV2 by category" "$niteru" eval --label category --model mobilenetv2 --json
figure p1 0.677
figure p5 0.616
figure map10 0.496
runs 0 "groceries" "$niteru" -C "$work/grocery.niteru" index "$photos/grocery/catalog.csv"
runs 0 "niteru-base by sku" "$niteru" -C "$work/grocery.niteru" eval --label sku --json
figure p1 0.998
figure p5 0.988
finish
