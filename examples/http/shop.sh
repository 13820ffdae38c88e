#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every job of the HTTP API with curl. usage: shop.sh URL PHOTO OTHER-PHOTO   (NITERU_KEY: a secret key, where one is needed)
set -eu
url=$1 photo=$2 other=$3
ask() { curl -sS --fail-with-body ${NITERU_KEY:+-H "Authorization: Bearer $NITERU_KEY"} "$@"; echo; }
json() { ask -H 'Content-Type: application/json' "$@"; }

echo '# Put a product, then its photo; the next search finds it.'
json -X PUT "$url/v1/products/dress%2F1" -d '{"metadata": {"title": "Blue linen dress", "category": "Dress", "price": 49.9, "stock": 3}}'
ask -X POST "$url/v1/products/dress%2F1/photos" -H 'Content-Type: image/jpeg' --data-binary "@$photo"
json -X PUT "$url/v1/products/dress%2F2" -d '{"metadata": {"title": "Red dress", "category": "Dress", "price": 59, "group": "red"}}'
ask -X PUT "$url/v1/products/dress%2F2/photos/0" -F "photo=@$other"

echo '# Products that look like it, of which there are some in stock.'
ask "$url/v1/products/dress%2F1/similar?k=5&where=stock%20is%20missing%20or%20stock%20%3E%200"

echo '# A product is read and changed; If-Match sees to it that nobody else has changed it meanwhile.'
tag=$(ask -o /dev/null -D - "$url/v1/products/dress%2F1" | sed -n 's/^ETag: \(.*\)\r$/\1/p')
json -X PATCH "$url/v1/products/dress%2F1" -H "If-Match: $tag" -d '{"metadata": {"stock": 2}}'

echo '# Its photo, small.'
ask -o /dev/null -w '%{content_type}, %{size_download} bytes' "$url/v1/products/dress%2F1/photos/0?w=128"

echo '# Products that look like a photo; then only like the middle of it, without sending it again.'
found=$(ask -F "photo=@$photo" -F k=3 "$url/v1/search/image")
echo "$found"
upload=$(echo "$found" | sed 's/.*"upload": "\([0-9a-f]*\)".*/\1/')
json "$url/v1/search/image" -d "{\"upload\": \"$upload\", \"box\": {\"x\": 0.25, \"y\": 0.25, \"width\": 0.5, \"height\": 0.5}}"

echo '# By words, in any language.'
json "$url/v1/search/text" -d '{"text": "linen dress", "k": 3}'

echo '# Like some and unlike others.'
json "$url/v1/recommend" -d '{"positive": ["dress/1"], "negative": ["dress/2"], "k": 3, "threshold": 25}'

echo '# By a vector of one'"'"'s own, of the length that the model has.'
length=$(ask "$url/v1/models" | sed 's/.*"dimension": \([0-9]*\).*/\1/')
json "$url/v1/search/vector" -d "{\"k\": 3, \"vector\": [$(seq -s, "$length")]}"

echo '# Which values there are, for a page to offer.'
json "$url/v1/facets" -d '{"fields": ["category", "price"], "where": "price < 100"}'

echo '# Many products in one transaction. The Idempotency-Key makes it safe to send it again.'
json "$url/v1/products:batch" -H 'Idempotency-Key: monday-1' -d '{"products": [{"product": "mug/1", "metadata": {"price": 9}}, {"product": "mug/2", "metadata": {"price": 12}}]}'

echo '# A list with photos, in the background.'
job=$(json "$url/v1/products:import" -d '{"format": "csv", "source": "spring"}' | sed 's/.*"job": "\([0-9a-f]*\)".*/\1/')
printf 'id,image,title\nbag/1,bag.jpg,Canvas bag\nbag/2,,Bag without a photo yet\n' | ask -X PUT "$url/v1/jobs/$job/list" -H 'Content-Type: text/csv' --data-binary @-
ask -X PUT "$url/v1/jobs/$job/photos/bag.jpg" -H 'Content-Type: image/jpeg' --data-binary "@$other"
ask -X POST "$url/v1/jobs/$job:start"
until ask "$url/v1/jobs/$job" | grep -E '"state": "(done|failed)"'; do sleep 0.2; done
ask "$url/v1/jobs/$job/results?limit=10"
ask "$url/v1/jobs"

echo '# Products in pages, limits, whether it is ready, what is counted.'
ask "$url/v1/products?limit=2"
ask "$url/v1/limits"
ask "$url/readyz"
ask "$url/metrics" | grep niteru_requests_total

echo '# Away with them.'
for id in dress%2F1 dress%2F2 mug%2F1 mug%2F2 bag%2F1 bag%2F2; do ask -X DELETE "$url/v1/products/$id"; done
ask -X DELETE "$url/v1/jobs/$job"
