#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A shop moves in with its own export: one command, then again with changes, with a cut file, and with the wrong kind.
. "$(dirname "$0")/lib.sh"
draw_shop 20

# Shopify's export of 20 products with two rows each, the second a further variant; photos are beside it.
{
    echo "Handle,Title,Body (HTML),Vendor,Type,Published,Status,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Image Src,Image Position"
    n=0
    for photo in $(cd "$work" && find photos -name '*.png' -o -name '*.jpg' | sort | head -n 20); do
        n=$((n + 1))
        echo "p-$n,<b>Product $n</b>,<p>Text &amp; more</p>,Acme,Kind,true,active,Color,Red,s$n-1,2,$((n + 10)).00,$photo,1"
        echo "p-$n,,,,,,,,Blue,s$n-2,1,$n.50,,"
    done
} >"$work/products_export.csv"
runs 0 "one command takes the export" "$niteru" index "$work/products_export.csv"
says "20 products: 20 photos embedded"
runs 0 "a product of two rows" "$niteru" show p-3
says "Product 3"
says "3.5"
says '["Red", "Blue"]'
runs 0 "its kind is kept" "$niteru" info --json
says '"kind": "shopify"'
runs 0 "similar" "$niteru" similar p-3 -k 3
says "p-"
runs 0 "again embeds nothing" "$niteru" index "$work/products_export.csv" --format shopify --prune
says "20 products: 0 photos embedded"

cp "$work/products_export.csv" "$work/whole.csv"
head -c -20 "$work/whole.csv" >"$work/products_export.csv"
runs 1 "a cut export prunes nothing" "$niteru" index "$work/products_export.csv" --prune
complains "it is cut off"
complains "nothing was pruned"
grep -v '^p-20,' "$work/whole.csv" >"$work/products_export.csv"
runs 0 "a product that is gone is pruned" "$niteru" index "$work/products_export.csv" --prune
says "1 product removed"

runs 1 "read as a plain list" "$niteru" index "$work/products_export.csv" --format csv
complains "it looks like Shopify's product export"
complains "--format shopify"
runs 1 "read as another shop's" "$niteru" index "$work/products_export.csv" --format woocommerce
complains "there is no column 'ID' or 'SKU'"
complains "--format shopify"
printf '<?xml version="1.0"?>\n<!DOCTYPE rss [<!ENTITY a "ha">]><rss><item><id>&a;</id></item></rss>' >"$work/bomb.xml"
runs 1 "entities are refused" "$niteru" index "$work/bomb.xml"
complains "bomb.xml:2: declares the entity 'a'"

first=$(sed -n '2s/.*,\(photos[^,]*\),1$/\1/p' "$work/whole.csv")
printf '<rss xmlns:g="g"><channel><item><g:id>f1</g:id><title>Feed</title><g:image_link>%s</g:image_link><g:price>15.00 USD</g:price></item></channel></rss>' "$first" >"$work/feed.xml"
runs 0 "a Merchant feed" "$niteru" index "$work/feed.xml"
runs 0 "its price has a currency" "$niteru" show f1
says "USD"
printf 'ID,Type,SKU,Name,Published,Regular price,Images\n7,simple,W,Woo,0,5,"%s"\n' "$first" >"$work/woo.csv"
runs 0 "WooCommerce's export" "$niteru" index "$work/woo.csv" --format woocommerce
runs 0 "what is not published is not public" "$niteru" show 7
says "false"
finish
