# SPDX-License-Identifier: Apache-2.0
"""The tag as pages of other sites get it: its file, and what the service answers them, refusals included."""
import gzip
import time
import unittest

import shop
from shop import ShopTest, quote

PAGE, OTHER = "https://shop.example", "https://other.example"


class Tag(ShopTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        def make(name, *more):
            return cls.shop.run("key", "create", "--kind", "publishable", "--name", name, *more).stdout.strip()
        cls.product = cls.shop.ids()[0]
        cls.key, cls.paged = make("any"), make("paged", "--origin", PAGE)
        cls.secret = cls.shop.run("key", "create", "--kind", "secret", "--name", "s").stdout.strip()
        time.sleep(0.3) # from the first key on, keys are asked for
        cls.similar = f"/v1/products/{quote(cls.product)}/similar?key="

    def from_page(self, path, origin=PAGE):
        return self.ask("GET", path, headers={"Origin": origin} if origin else {})

    def assertReadable(self, answer, origin):
        """By pages of this origin; exactly one header says so, or browsers refuse it."""
        self.assertEqual(answer.headers.get_all("Access-Control-Allow-Origin"), [origin])
        self.assertIn("Origin", ", ".join(answer.headers.get_all("Vary")))
        self.assertNotIn("Set-Cookie", answer.headers)

    def test_file(self):
        """Every page may load it, without a key; it is small, kept for a short while, and asked for by its tag then."""
        plain = self.from_page("/tag.js", OTHER)
        self.assertEqual((plain.status, plain.headers["Content-Type"]), (200, "text/javascript; charset=utf-8"))
        self.assertReadable(plain, "*")
        self.assertEqual(plain.headers["Cross-Origin-Resource-Policy"], "cross-origin")
        self.assertEqual(plain.headers["Cache-Control"], "public, max-age=300, must-revalidate")
        self.assertEqual(plain.headers["X-Content-Type-Options"], "nosniff")
        again = self.ask("GET", "/tag.js", headers={"If-None-Match": plain.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertReadable(again, "*")
        small = self.ask("GET", "/tag.js", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(gzip.decompress(small.body), plain.body)
        self.assertLessEqual(len(small.body), 6 * 1024)
        self.assertEqual(self.ask("HEAD", "/tag.js").status, 200)
        # A classic script, which leaves nothing in the page's own names.
        self.assertNotRegex(plain.body, rb"(?m)^\s*(import|export)\b")
        self.assertRegex(plain.body.strip(), rb"^\(function\(\)\{")

    def test_answers(self):
        """The answer and the photos in it are readable by pages of any origin, files too, and of those of the key alone."""
        for key, origin in ((self.key, PAGE), (self.key, OTHER), (self.key, "null"), (self.paged, PAGE)):
            found = self.from_page(self.similar + key, origin)
            self.assertEqual((found.status, len(found.json["products"])), (200, 5))
            self.assertReadable(found, origin)
            for product in found.json["products"]:
                photo = self.from_page(f"{product['photo']['url']}?w=256&key={key}", origin)
                self.assertEqual((photo.status, photo.headers["Content-Type"]), (200, "image/jpeg"))
                self.assertReadable(photo, origin)
                known = self.ask("GET", f"{product['photo']['url']}?w=256&key={key}",
                                 headers={"Origin": origin, "If-None-Match": photo.headers["ETag"]})
                self.assertEqual(known.status, 304)
                self.assertReadable(known, origin)

    def test_refusals(self):
        """A page can read why it gets nothing, whatever the reason."""
        none = f"/v1/products/none/similar?key={self.key}"
        wrong = self.similar + "nk_pub_" + "A" * 43
        for path, status, code in ((none, 404, "not-found"), (self.similar + self.key + "&k=0", 400, "out-of-range"),
                                   (self.similar + self.key + "&where=nofield%20%3D%201", 400, "invalid"),
                                   (wrong, 401, "unauthorized"), (self.similar[:-5], 401, "unauthorized"),
                                   (self.similar + self.secret, 401, "unauthorized")):
            answer = self.from_page(path, OTHER)
            self.assertEqual((answer.status, answer.json["code"]), (status, code), path)
            self.assertReadable(answer, OTHER)
        for origin in (OTHER, "null"):
            answer = self.from_page(self.similar + self.paged, origin)
            self.assertProblem(answer, 403, "origin-not-allowed")
            self.assertReadable(answer, origin)
        self.assertProblem(self.from_page(self.similar + self.paged, None), 403, "origin-not-allowed")

    def test_secret(self):
        """What a secret key reads is still for no page."""
        answer = self.ask("GET", self.similar[:-5], headers={"Origin": OTHER, "Authorization": "Bearer " + self.secret})
        self.assertEqual(answer.status, 200)
        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)


class Limited(ShopTest):
    settings = ("publishable_rate=3", "public=true", "cors_origins=" + PAGE)

    def test_rate(self):
        """Refused for its rate, an answer can be read like any other; the tag itself has no rate."""
        answers = [self.ask("GET", "/v1/models", headers={"Origin": PAGE}) for _ in range(20)]
        refused = [answer for answer in answers if answer.status == 429]
        self.assertGreaterEqual(len(refused), 5)
        for answer in refused:
            self.assertEqual(answer.headers.get_all("Access-Control-Allow-Origin"), [PAGE])
        self.assertEqual({self.ask("GET", "/tag.js").status for _ in range(20)}, {200})


if __name__ == "__main__":
    shop.main()
