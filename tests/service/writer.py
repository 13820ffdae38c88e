# SPDX-License-Identifier: Apache-2.0
"""A client that writes, and knows what must be there: of each of its products, what was acknowledged last; and what a
write without an answer may have made of it."""
from shop import quote

JPEG = {"Content-Type": "image/jpeg"}
MOST_PHOTOS = 3


def state_of(product):
    """What is compared: the metadata, and the sizes of the photos in their order."""
    return product["metadata"], [photo["bytes"] for photo in product["photos"]]


class Writer:
    def __init__(self, name, photos, random, count=6):
        self.photos, self.random, self.writes = photos, random, 0
        self.known = {f"{name}-{i}": None for i in range(count)} # None: not there
        self.pending = {}

    def metadata(self):
        return {"title": f"Kleid {self.writes} für alle", "price": self.random.randrange(10000) / 100, "stock": self.writes}

    def choose(self):
        """A write: method, path, body, headers, and the states it makes."""
        product = self.random.choice(list(self.known))
        state, path, fields = self.known[product], "/v1/products/" + quote(product), self.metadata()
        if self.random.random() < 0.15:
            some = self.random.sample(list(self.known), 3)
            after = {one: (fields, self.known[one][1] if self.known[one] else []) for one in some}
            return "POST", "/v1/products:batch", {"products": [{"product": p, "metadata": fields} for p in some]}, {}, after
        kind = self.random.choice(("put", "patch", "delete", "photo", "photo")) if state else "put"
        if kind == "put":
            return "PUT", path, {"metadata": fields}, {}, {product: (fields, state[1] if state else [])}
        if kind == "patch":
            merged = {**state[0], "stock": self.writes}
            merged.pop("price", None)
            return "PATCH", path, {"metadata": {"stock": self.writes, "price": None}}, {}, {product: (merged, state[1])}
        if kind == "delete":
            return "DELETE", path, None, {}, {product: None}
        photo, sizes = self.random.choice(self.photos), list(state[1])
        if len(sizes) < MOST_PHOTOS:
            return "POST", path + "/photos", photo, JPEG, {product: (state[0], sizes + [len(photo)])}
        number = self.random.randrange(len(sizes))
        if self.random.random() < 0.5:
            del sizes[number]
            return "DELETE", f"{path}/photos/{number}", None, {}, {product: (state[0], sizes)}
        sizes[number] = len(photo)
        return "PUT", f"{path}/photos/{number}", photo, JPEG, {product: (state[0], sizes)}

    def write(self, ask):
        """One write; what it changed, once it is acknowledged."""
        self.writes += 1
        method, path, body, headers, after = self.choose()
        self.pending = after
        answer = ask(method, path, body, headers)
        if answer.status not in (200, 201, 204):
            raise AssertionError(f"{method} {path}: {answer}")
        if path == "/v1/products:batch" and any(one["status"] >= 400 for one in answer.json["products"]):
            raise AssertionError(f"{method} {path}: {answer}")
        self.known.update(after)
        self.pending = {}
        return after

    def compare(self, found):
        """Takes what is there (id -> state) for known; what is wrong with it, or None."""
        seen = {product: found.get(product) for product in self.known}
        if seen != self.known and seen != {**self.known, **self.pending}:
            return f"acknowledged: {self.known}\npending: {self.pending}\nthere: {seen}"
        self.known, self.pending = seen, {}
        return None
