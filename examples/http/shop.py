# SPDX-License-Identifier: Apache-2.0
"""Every job of the HTTP API with requests. usage: shop.py URL PHOTO OTHER-PHOTO   (NITERU_KEY: a secret key, if needed)"""
import os
import sys
import time
from urllib.parse import quote

import requests


class Niteru:
    """A client in thirty lines: JSON in and out, and an error that says what the service said."""

    def __init__(self, url, key=None):
        self.url, self.session = url.rstrip("/"), requests.Session()
        if key:
            self.session.headers["Authorization"] = "Bearer " + key

    def ask(self, method, path, **arguments):
        for _ in range(5):
            answer = self.session.request(method, self.url + path, timeout=60, **arguments)
            if answer.status_code != 429:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))  # busy: it says for how long
        if not answer.ok:
            problem = answer.json()
            raise RuntimeError(f"{problem['code']} ({problem.get('field', path)}): {problem['detail']}")
        return answer

    def product(self, product):
        return "/v1/products/" + quote(product, safe="")


def main(url, photo_path, other_path):
    shop = Niteru(url, os.environ.get("NITERU_KEY"))
    with open(photo_path, "rb") as file:
        photo = file.read()
    with open(other_path, "rb") as file:
        other = file.read()
    dress, red = shop.product("dress/1"), shop.product("dress/2")

    # Put products, then their photos; the next search finds them.
    shop.ask("PUT", dress, json={"metadata": {"title": "Blue linen dress", "category": "Dress", "price": 49.9, "stock": 3}})
    shop.ask("POST", dress + "/photos", data=photo, headers={"Content-Type": "image/jpeg"})
    shop.ask("PUT", red, json={"metadata": {"title": "Red dress", "category": "Dress", "price": 59, "group": "red"}})
    shop.ask("PUT", red + "/photos/0", files={"photo": other})

    # Products that look like it, of which there are some in stock.
    alike = shop.ask("GET", dress + "/similar", params={"k": 5, "where": "stock is missing or stock > 0"}).json()
    for found in alike["products"]:
        print(f"{found['score']:6.2f}  {found['word']:15}  {found['product']}  {found['photo']['url']}")

    # Read, change, and be sure that nobody else has changed it meanwhile.
    seen = shop.ask("GET", dress)
    shop.ask("PATCH", dress, json={"metadata": {"stock": 2}}, headers={"If-Match": seen.headers["ETag"]})
    try:
        shop.ask("PATCH", dress, json={"metadata": {"stock": 1}}, headers={"If-Match": seen.headers["ETag"]})
        raise AssertionError("the tag is an old one")
    except RuntimeError as error:
        print("as it should be:", error)

    # Its photo, small.
    small = shop.ask("GET", dress + "/photos/0", params={"w": 128})
    print(small.headers["Content-Type"], len(small.content), "bytes")

    # Products that look like a photo; then only like the middle of it, without sending it again.
    found = shop.ask("POST", "/v1/search/image", files={"photo": photo}, data={"k": "3"}).json()
    middle = {"upload": found["upload"], "box": {"x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5}, "group": True}
    print([product["product"] for product in shop.ask("POST", "/v1/search/image", json=middle).json()["products"]])

    # By words, by examples, by a vector of one's own.
    print(shop.ask("POST", "/v1/search/text", json={"text": "linen dress", "k": 3}).json()["products"])
    shop.ask("POST", "/v1/recommend", json={"positive": ["dress/1"], "negative": ["dress/2"], "strategy": "average"})
    length = shop.ask("GET", "/v1/models").json()["models"][0]["dimension"]
    shop.ask("POST", "/v1/search/vector", json={"vector": [float(i + 1) for i in range(length)], "k": 3})

    # Which values there are, for a page to offer.
    print(shop.ask("POST", "/v1/facets", json={"fields": ["category", "price"]}).json()["fields"])

    # Many products in one transaction; each has its own status. The Idempotency-Key makes it safe to send it again.
    mugs = {"products": [{"product": f"mug/{i}", "metadata": {"price": 9 + i}} for i in range(3)]}
    for _ in range(2):
        outcome = shop.ask("POST", "/v1/products:batch", json=mugs, headers={"Idempotency-Key": "monday-2"})
    print([product["status"] for product in outcome.json()["products"]])

    # A list with photos, in the background.
    job = shop.ask("POST", "/v1/products:import", json={"format": "jsonl", "source": "spring"}).headers["Location"]
    shop.ask("PUT", job + "/list", data='{"id": "bag/1", "image": "bag.jpg"}\n{"id": "bag/2", "title": "Bag"}\n')
    shop.ask("PUT", job + "/photos/" + quote("bag.jpg", safe=""), data=other)
    shop.ask("POST", job + ":start")
    while (state := shop.ask("GET", job).json())["state"] in ("queued", "running"):
        time.sleep(0.2)
    print(state["state"], state["counts"], shop.ask("GET", job + "/results").json()["results"])

    # Products in pages.
    after, count = {}, 0
    while True:
        page = shop.ask("GET", "/v1/products", params={"limit": 100, **after}).json()
        count += len(page["products"])
        if "next" not in page:
            break
        after = {"after": page["next"]}
    print(count, "products;", shop.ask("GET", "/readyz").json())

    # Away with them.
    for product in ["dress/1", "dress/2", "mug/0", "mug/1", "mug/2", "bag/1", "bag/2"]:
        shop.ask("DELETE", shop.product(product))
    shop.ask("DELETE", job)


if __name__ == "__main__":
    main(*sys.argv[1:4])
