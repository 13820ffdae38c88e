# SPDX-License-Identifier: Apache-2.0
"""Writes of one product that are taken back."""
import os
import time

import shop
from shop import ShopTest, quote


class Undo(ShopTest):
    def product(self, product):
        answer = self.ask("GET", "/v1/products/" + quote(product))
        return (answer.status, answer.headers["ETag"], answer.body) if answer.status == 200 else (answer.status,)

    def undo(self, answer, status=200):
        self.assertIn("X-Undo", answer.headers, answer)
        done = self.ask("POST", "/v1/undo/" + answer.headers["X-Undo"])
        self.assertEqual(done.status, status, done)
        return done

    def alike(self, product):
        answer = self.ask("GET", f"/v1/products/{quote(product)}/similar?k=3")
        return [one["product"] for one in answer.json["products"]] if answer.status == 200 else answer.status

    def test_metadata(self):
        product = self.shop.ids()[0]
        before = self.product(product)
        path = "/v1/products/" + quote(product)
        for write in (lambda: self.ask("PATCH", path, {"metadata": {"title": "other", "fresh": 3}}),
                      lambda: self.ask("PUT", path, {"metadata": {}})):
            answer = write()
            self.assertNotEqual(self.product(product), before)
            done = self.undo(answer)
            self.assertEqual(done.json, {"product": product, "there": True})
            self.assertEqual(self.product(product), before)
            again = self.undo(done) # and forth again
            self.assertNotEqual(self.product(product), before)
            self.undo(again)
            self.assertEqual(self.product(product), before)
        same = self.ask("PATCH", path, {"metadata": {}})
        self.assertNotIn("X-Undo", same.headers)

    def test_new_one(self):
        answer = self.ask("PUT", "/v1/products/new%2Fone", {"metadata": {"title": "新しい"}})
        there = self.product("new/one")
        done = self.undo(answer)
        self.assertEqual(done.json, {"product": "new/one", "there": False})
        self.assertEqual(self.product("new/one"), (404,))
        self.undo(done)
        self.assertEqual(self.product("new/one"), there)
        self.ask("DELETE", "/v1/products/new%2Fone")

    def test_delete(self):
        """Of a product from a list, and of one whose photos came by the API."""
        listed = self.shop.ids()[1]
        self.ask("PUT", "/v1/products/sent", {"metadata": {"title": "sent"}})
        for product in self.shop.ids()[2:4]:
            self.ask("POST", "/v1/products/sent/photos", self.shop.photo(product), {"Content-Type": "image/jpeg"})
        for product in (listed, "sent"):
            before, alike = self.product(product), self.alike(product)
            self.assertEqual(len(alike), 3)
            photo = self.ask("GET", f"/v1/products/{quote(product)}/photos/0").body
            deleted = self.ask("DELETE", "/v1/products/" + quote(product))
            self.assertEqual((deleted.status, self.product(product), self.alike(product)), (204, (404,), 404))
            self.undo(deleted)
            self.assertEqual(self.product(product), before)
            self.assertEqual(self.alike(product), alike)
            self.assertEqual(self.ask("GET", f"/v1/products/{quote(product)}/photos/0").body, photo)
        self.ask("DELETE", "/v1/products/sent")

    def test_photos(self):
        product, other = self.shop.ids()[4:6]
        path, before = "/v1/products/" + quote(product), self.product(product)
        jpeg = {"Content-Type": "image/jpeg"}
        for answer in (self.ask("POST", path + "/photos", self.shop.photo(other), jpeg),):
            self.assertEqual(answer.status, 200)
            self.undo(answer)
            self.assertEqual(self.product(product), before)
        self.undo(self.ask("PUT", path + "/photos/0", self.shop.photo(other), jpeg))
        self.assertEqual(self.product(product), before)
        self.undo(self.ask("DELETE", path + "/photos/0"))
        self.assertEqual(self.product(product), before)

    def test_changed_since(self):
        """What somebody else has done since is not overwritten."""
        path = "/v1/products/both"
        first = self.ask("PUT", path, {"metadata": {"title": "first"}})
        self.ask("PATCH", path, {"metadata": {"title": "second"}})
        now = self.product("both")
        self.assertProblem(self.undo(first, 412), 412, "precondition-failed")
        self.assertEqual(self.product("both"), now)
        second = self.ask("PATCH", path, {"metadata": {"title": "third"}})
        self.ask("DELETE", path)
        self.assertProblem(self.undo(second, 412), 412, "precondition-failed")
        self.assertEqual(self.product("both"), (404,))

    def test_once(self):
        path = "/v1/products/once"
        answer = self.ask("PUT", path, {"metadata": {}})
        self.undo(answer)
        self.assertProblem(self.ask("POST", "/v1/undo/" + answer.headers["X-Undo"]), 404, "not-found")
        for name in ("x", "0" * 32, quote("/../" * 9)):
            self.assertProblem(self.ask("POST", "/v1/undo/" + name), 404, "not-found")

    def test_bounded(self):
        """There is an end to what is kept, and the newest are kept."""
        path, many = "/v1/products/many", "x" * 3000
        answers = [self.ask("PUT", path, {"metadata": {"n": i, "title": many}}) for i in range(1100)]
        self.assertProblem(self.undo(answers[0], 404), 404, "not-found")
        for answer in reversed(answers[-20:]):
            self.undo(answer)
        self.assertEqual(self.ask("GET", path).json["metadata"]["n"], 1079)
        self.ask("DELETE", path)

    def test_photo_gone(self):
        """A photo that is not there any more is told; the rest comes back."""
        self.ask("PUT", "/v1/products/half", {"metadata": {"title": "half"}})
        self.ask("POST", "/v1/products/half/photos", self.shop.photo(self.shop.ids()[6]), {"Content-Type": "image/jpeg"})
        deleted = self.ask("DELETE", "/v1/products/half")
        originals = os.path.join(self.shop.catalogue, "photos")
        newest = max((os.path.join(at, name) for at, _, names in os.walk(originals) for name in names), key=os.path.getmtime)
        self.assertLess(time.time() - os.path.getmtime(newest), 60)
        for at, _, names in os.walk(originals):
            for name in names:
                os.remove(os.path.join(at, name))
        done = self.undo(deleted)
        self.assertEqual(done.json["warnings"], ["photo 0 is not kept any more"])
        self.assertEqual(self.ask("GET", "/v1/products/half").json["metadata"], {"title": "half"})
        self.ask("DELETE", "/v1/products/half")


if __name__ == "__main__":
    shop.main()
