# SPDX-License-Identifier: Apache-2.0
"""The API as a client meets it: what is found, what is written, what is refused."""
import base64
import concurrent.futures
import json
import os
import threading

import shop
from shop import ShopTest, multipart, quote


class Search(ShopTest):
    def test_similar(self):
        first = self.shop.ids()[0]
        answer = self.ask("GET", f"/v1/products/{quote(first)}/similar?k=7")
        self.assertEqual(answer.status, 200, answer)
        found = answer.json["products"]
        self.assertEqual(len(found), 7)
        self.assertNotIn(first, [product["product"] for product in found])
        scores = [product["score"] for product in found]
        self.assertEqual(scores, sorted(scores, reverse=True))
        told = json.loads(self.shop.run("similar", first, "-k", "7", "--json").stdout)
        self.assertEqual([p["product"] for p in told["results"]], [p["product"] for p in found])
        self.assertFalse(answer.json["partial"])

    def test_similar_where(self):
        ids = self.shop.ids()
        where = quote("category = 'Bag' or price > 0")
        every = self.ask("GET", f"/v1/products/{quote(ids[0])}/similar?k=1000&where={where}").json["products"]
        self.assertEqual(len(every), len(ids) - 1)
        bags = self.ask("GET", f"/v1/products/{quote(ids[0])}/similar?k=1000&where=" + quote("category = 'Bag'"))
        self.assertTrue(all(p["metadata"]["category"] == "Bag" for p in bags.json["products"]))
        none = self.ask("GET", f"/v1/products/{quote(ids[0])}/similar?metadata=false&exclude={ids[1]}&exclude={ids[2]}")
        self.assertTrue(all("metadata" not in p for p in none.json["products"]))
        self.assertFalse({ids[1], ids[2]} & {p["product"] for p in none.json["products"]})

    def test_wrong_parameters(self):
        path = f"/v1/products/{quote(self.shop.ids()[0])}/similar?"
        for query, code, field in [
                ("k=x", "wrong-type", "k"), ("k=0", "out-of-range", "k"), ("k=1001", "out-of-range", "k"),
                ("k=5&k=6", "repeated-parameter", "k"), ("threshold=101", "out-of-range", "threshold"),
                ("metadata=yes", "wrong-type", "metadata"), ("colour=red", "unknown-parameter", "colour"),
                ("k=%zz", "bad-encoding", None), ("where=%ff", "bad-encoding", None),
                ("where=price+%3C", "invalid", "where"), ("where=prize%3C5", "invalid", "where")]:
            with self.subTest(query):
                self.assertProblem(self.ask("GET", path + query), 400, code, field)
        self.assertProblem(self.ask("GET", path + "model=none"), 404, "not-found", "model")
        self.assertProblem(self.ask("GET", "/v1/products/none/similar"), 404, "not-found")
        self.assertProblem(self.ask("GET", "/v1/products/%zz/similar"), 400, "bad-encoding")
        self.assertProblem(self.ask("GET", "/v1/products/a%00b/similar"), 400, "bad-encoding")

    def test_image(self):
        first = self.shop.ids()[0]
        photo = self.shop.photo(first)
        body, headers = multipart([("k", None, b"3"), ("photo", "a.jpg", photo), ("exclude", None, b'["none"]')])
        apart = [("k", None, b"3"), ("photo", "a.jpg", photo), ("exclude", None, first.encode()), ("exclude", None, b"[")]
        without = self.ask("POST", "/v1/search/image", *multipart(apart))
        self.assertEqual(len(without.json["products"]), 3)
        self.assertNotIn(first, [product["product"] for product in without.json["products"]])
        form = self.ask("POST", "/v1/search/image", body, headers)
        self.assertEqual(form.status, 200, form)
        self.assertEqual(len(form.json["products"]), 3)
        self.assertEqual(form.json["products"][0]["product"], first)
        self.assertGreater(form.json["products"][0]["score"], 99.9)
        text = self.ask("POST", "/v1/search/image", {"photo": base64.b64encode(photo).decode(), "k": 3})
        self.assertEqual(text.json["products"], form.json["products"])
        self.assertEqual(len(self.ask("POST", "/v1/search/text", {"text": "dress", "k": 3.0}).json["products"]), 3)
        self.assertProblem(self.ask("POST", "/v1/search/text", {"text": "dress", "k": 2.5}), 400, "wrong-type", "k")
        other = self.ask("POST", "/v1/search/image", {"photo": base64.urlsafe_b64encode(photo).decode(), "k": 3})
        self.assertEqual(other.json["products"], form.json["products"])
        plain = self.ask("POST", "/v1/search/image", photo, {"Content-Type": "image/jpeg"})
        self.assertEqual(plain.json["products"][:3], form.json["products"])

    def test_upload(self):
        first, second = self.shop.ids()[:2]
        jpeg = {"Content-Type": "image/jpeg"}
        sent = self.ask("POST", "/v1/search/image", self.shop.photo(first), jpeg).json
        again = self.ask("POST", "/v1/search/image", {"upload": sent["upload"], "k": 1}).json
        self.assertEqual(again["products"], sent["products"][:1])
        self.assertEqual(again["upload"], sent["upload"])
        part = {"upload": sent["upload"], "box": {"x": 0.5, "y": 0.5, "width": 0.4, "height": 0.4}}
        self.assertLess(self.ask("POST", "/v1/search/image", part).json["products"][0]["score"], 100)
        self.assertProblem(self.ask("POST", "/v1/search/image", {"upload": "0" * 32}), 404, "upload-expired", "upload")
        part["box"]["width"] = 0
        self.assertEqual(self.ask("POST", "/v1/search/image", part).status, 400)
        part["box"]["x"] = -1
        self.assertProblem(self.ask("POST", "/v1/search/image", part), 400, "out-of-range", "box.x")
        part["box"] = {"x": 0.5, "y": 0, "width": 0.6, "height": 1}
        self.assertProblem(self.ask("POST", "/v1/search/image", part), 400, "invalid", "box")
        part["box"] = {"x": 0, "y": 0, "width": 1, "height": 0}
        self.assertProblem(self.ask("POST", "/v1/search/image", part), 400, "out-of-range", "box.height")
        form = self.ask("POST", "/v1/search/image", *multipart([("upload", None, sent["upload"].encode())]))
        self.assertEqual((form.json["products"], form.json["upload"]), (sent["products"], sent["upload"]))
        # Either a photo or what an earlier search kept.
        for upload in (sent["upload"], "made-up"):
            both = [("photo", "a", self.shop.photo(first)), ("upload", None, upload.encode())]
            self.assertProblem(self.ask("POST", "/v1/search/image", *multipart(both)), 400, "invalid", "upload")
            both = {"photo": base64.b64encode(self.shop.photo(first)).decode(), "upload": upload}
            self.assertProblem(self.ask("POST", "/v1/search/image", both), 400, "invalid", "upload")
        # A form may name a part too.
        body, headers = multipart([("photo", "a", self.shop.photo(second)),
                                   ("box", None, b'{"x": 0, "y": 0, "width": 1, "height": 1}')])
        self.assertEqual(self.ask("POST", "/v1/search/image", body, headers).json["products"][0]["product"], second)

    def test_time_is_up(self):
        """Where the time is up before there is anything to answer with, that is said."""
        photo = self.shop.photo(self.shop.ids()[0]) + b"not known yet"
        self.assertProblem(self.ask("POST", "/v1/search/image?timeout_ms=1", photo, {"Content-Type": "image/jpeg"}), 503,
                           "timeout")

    def test_group(self):
        first = self.shop.ids()[0]
        every = self.ask("GET", f"/v1/products/{quote(first)}/similar?k=1000").json["products"]
        once = self.ask("GET", f"/v1/products/{quote(first)}/similar?k=1000&group=true").json["products"]
        groups = [product["metadata"]["group"] for product in once]
        self.assertEqual(len(groups), len(set(groups)))
        own = self.ask("GET", f"/v1/products/{quote(first)}").json["metadata"]["group"]
        self.assertEqual(set(groups), {product["metadata"]["group"] for product in every} - {own})

    def test_not_here(self):
        """A photo of nothing that the shop sells gets an honest empty answer."""
        import struct
        import zlib
        rows = b"".join(b"\0" + bytes((x * 7 + y * 13) % 256 for x in range(3 * 64)) for y in range(64))
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        noise = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)) +
                 chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
        foreign = self.ask("POST", "/v1/search/image", noise, {"Content-Type": "image/png"}).json
        self.assertEqual((foreign["products"], foreign.get("not_here")), ([], True), foreign)
        self.assertTrue(foreign["nearest"] and max(foreign["nearest"]) < 75, foreign)
        nevertheless = self.ask("POST", "/v1/search/image", {"upload": foreign["upload"], "not_here": False}).json
        self.assertEqual(len(nevertheless["products"]), 5)
        own = self.ask("POST", "/v1/search/image", self.shop.photo(self.shop.ids()[0]), {"Content-Type": "image/jpeg"})
        self.assertNotIn("not_here", own.json)

    def test_wrong_image(self):
        photo = self.shop.photo(self.shop.ids()[0])
        jpeg = {"Content-Type": "image/jpeg"}
        large = photo + bytes((20 << 20) - len(photo)) # of the most bytes a photo may have, and one more
        coded = {"photo": base64.b64encode(large).decode()}
        self.assertEqual(self.ask("POST", "/v1/search/image", coded).status, 200)
        self.assertEqual(self.ask("POST", "/v1/search/image", large, jpeg).status, 200)
        self.assertProblem(self.ask("POST", "/v1/search/image", large + b"x", jpeg), 413, "body-too-large", "photo")
        self.assertProblem(self.ask("POST", "/v1/search/image", b"", jpeg), 400, "missing-photo", "photo")
        self.assertProblem(self.ask("POST", "/v1/search/image", {"k": 3}), 400, "missing-photo", "photo")
        self.assertProblem(self.ask("POST", "/v1/search/image", b"<svg/>", jpeg), 415, "unsupported-photo", "photo")
        self.assertProblem(self.ask("POST", "/v1/search/image", photo[:200], jpeg), 422, "damaged-photo", "photo")
        bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\2\0\0\0" + b"\0" * 100
        self.assertEqual(self.ask("POST", "/v1/search/image", bomb, jpeg).status, 422)
        body, headers = multipart([("photo", "a.jpg", photo)])
        self.assertProblem(self.ask("POST", "/v1/search/image", body[:-9], headers), 400, "malformed-multipart")
        body, headers = multipart([("photo", "a.jpg", photo), ("colour", None, b"red")])
        self.assertProblem(self.ask("POST", "/v1/search/image", body, headers), 400, "unknown-field", "colour")
        body, headers = multipart([("photo", "a.jpg", photo), ("k", None, b"many")])
        self.assertProblem(self.ask("POST", "/v1/search/image", body, headers), 400, "wrong-type", "k")

    def test_vector(self):
        dimension = self.ask("GET", "/v1/models").json["models"][0]["dimension"]
        answer = self.ask("POST", "/v1/search/vector", {"vector": [1.0] * dimension, "k": 4})
        self.assertEqual(len(answer.json["products"]), 4, answer)
        for vector in ([0.0] * dimension, [1.0] * (dimension - 1), [1e38] * dimension):
            with self.subTest(len(vector)):
                self.assertEqual(self.ask("POST", "/v1/search/vector", {"vector": vector}).status, 400)
        self.assertProblem(self.ask("POST", "/v1/search/vector", {"vector": []}), 400, "out-of-range", "vector")
        self.assertProblem(self.ask("POST", "/v1/search/vector", {"vector": [1, "x"]}), 400, "wrong-type", "vector[1]")
        self.assertProblem(self.ask("POST", "/v1/search/vector", {}), 400, "missing-field", "vector")
        self.assertProblem(self.ask("POST", "/v1/search/vector", {"vector": [1], "a": 1}), 400, "unknown-field", "a")

    def test_text(self):
        ids = self.shop.ids()
        first = self.ask("GET", "/v1/products/" + quote(ids[0])).json
        word = first["metadata"]["title"].split()[0]
        found = self.ask("POST", "/v1/search/text", {"text": word.lower()[:-1], "k": 1000}).json
        self.assertIn(ids[0], [product["product"] for product in found["products"]])
        self.assertIsNone(found["model"])
        self.ask("PUT", "/v1/products/jp", {"metadata": {"title": "花柄ワンピース 赤"}})
        for text in ("ワンピース", "赤", "花", "ﾜﾝﾋﾟ"):
            with self.subTest(text):
                found = self.ask("POST", "/v1/search/text", {"text": text}).json["products"]
                self.assertEqual([product["product"] for product in found], ["jp"])
        self.assertEqual(self.ask("DELETE", "/v1/products/jp").status, 204)
        self.assertEqual(self.ask("POST", "/v1/search/text", {"text": "赤"}).json["products"], [])
        self.assertProblem(self.ask("POST", "/v1/search/text", {"text": ""}), 400, "out-of-range", "text")
        for text in ('"', "*", "a AND", "title:x", "NEAR(a b)", "'; --", "-a", "(", "^a"):
            self.assertEqual(self.ask("POST", "/v1/search/text", {"text": text}).status, 200)

    def test_facets(self):
        listed = self.ask("GET", "/v1/products?limit=1000").json["products"]
        body = {"fields": ["category", "price"], "where": "price > 0"}
        answer = self.ask("POST", "/v1/facets", body).json
        self.assertEqual(answer["products"], len(listed))
        counts = {value["value"]: value["products"] for value in answer["fields"]["category"]["values"]}
        for category, count in counts.items():
            self.assertEqual(count, sum(p["metadata"]["category"] == category for p in listed))
        self.assertEqual(answer["fields"]["price"]["least"], min(p["metadata"]["price"] for p in listed))
        wrong = self.ask("POST", "/v1/facets", {"fields": ["prize"]})
        self.assertIn(wrong.status, (400, 404), wrong)
        self.assertProblem(self.ask("POST", "/v1/facets", {"fields": []}), 400, "out-of-range", "fields")

    def test_photo(self):
        first = self.shop.ids()[0]
        found = self.ask("GET", f"/v1/products/{quote(first)}/similar?k=1").json["products"][0]
        self.assertEqual(found["photo"]["number"], 0)
        whole = self.ask("GET", found["photo"]["url"])
        self.assertEqual((whole.status, whole.headers["Content-Type"]), (200, "image/jpeg"), whole)
        self.assertEqual(whole.body, self.shop.photo(found["product"]))
        small = self.ask("GET", found["photo"]["url"] + "?w=100")
        self.assertEqual((small.status, small.body[:3]), (200, b"\xff\xd8\xff"), small)
        self.assertLess(len(small.body), len(whole.body))
        tag = {"If-None-Match": small.headers["ETag"]}
        self.assertEqual(self.ask("GET", found["photo"]["url"] + "?w=100", headers=tag).status, 304)
        self.assertProblem(self.ask("GET", found["photo"]["url"] + "?w=0"), 400, "out-of-range", "w")
        self.assertEqual(self.ask("GET", f"/v1/products/{quote(first)}/photos/9").status, 404)

    def test_recommend(self):
        ids = self.shop.ids()
        for strategy in ("best", "average"):
            body = {"positive": ids[:2], "negative": ids[2:3], "strategy": strategy, "k": 4}
            found = self.ask("POST", "/v1/recommend", body).json["products"]
            self.assertLessEqual(len(found), 4)
            self.assertFalse(set(ids[:3]) & {p["product"] for p in found})
        self.assertProblem(self.ask("POST", "/v1/recommend", {"positive": []}), 400, "out-of-range", "positive")
        self.assertProblem(self.ask("POST", "/v1/recommend", {"positive": ["none"]}), 404, "not-found")
        self.assertProblem(self.ask("POST", "/v1/recommend", {"positive": ids[:1], "strategy": "x"}), 400,
                           "not-a-choice", "strategy")


class Products(ShopTest):
    def test_life(self):
        """A product put by the API is found by the next query, and finds itself; removed, it is gone from all."""
        path, other = "/v1/products/" + quote("new/ワンピース 1"), self.shop.ids()[0]
        photo = self.shop.photo(other)
        put = self.ask("PUT", path, {"metadata": {"title": "Blue", "price": 10.5, "tags": ["a", "b"]}})
        self.assertEqual(put.status, 201, put)
        self.assertEqual(put.json, {"product": "new/ワンピース 1", "photos": [],
                                    "metadata": {"title": "Blue", "price": 10.5, "tags": ["a", "b"]}})
        self.assertProblem(self.ask("GET", path + "/similar"), 404, "not-found")
        with_photo = self.ask("POST", path + "/photos", photo, {"Content-Type": "image/jpeg"})
        self.assertEqual(with_photo.status, 200, with_photo)
        self.assertEqual(with_photo.json["photos"][0]["format"], "jpeg")
        self.assertNotIn(self.shop.folder, with_photo.body.decode())
        alike = self.ask("GET", f"/v1/products/{quote(other)}/similar").json["products"]
        self.assertEqual(alike[0]["product"], "new/ワンピース 1")
        self.assertEqual(alike[0]["metadata"]["title"], "Blue")
        # Sold out, it is in no answer from the next on, and can still be asked for.
        for sold in ({"stock": 0}, {"stock": 1, "available": False}):
            self.ask("PATCH", path, {"metadata": sold})
            for query, seen in (("", False), ("?sold_out=true", True)):
                alike = self.ask("GET", f"/v1/products/{quote(other)}/similar{query}").json["products"]
                self.assertEqual(alike[0]["product"] == "new/ワンピース 1", seen)
            words = self.ask("POST", "/v1/search/text", {"text": "Blue ワンピース"}).json["products"]
            self.assertNotIn("new/ワンピース 1", [product["product"] for product in words])
            picture = self.ask("POST", "/v1/search/image", photo, {"Content-Type": "image/jpeg"}).json["products"]
            self.assertNotIn("new/ワンピース 1", [product["product"] for product in picture])
            self.assertEqual(self.ask("GET", path + "/similar").json["products"][0]["product"], other)
        self.ask("PATCH", path, {"metadata": {"stock": None, "available": True}})
        alike = self.ask("GET", f"/v1/products/{quote(other)}/similar").json["products"]
        self.assertEqual(alike[0]["product"], "new/ワンピース 1")
        self.ask("PATCH", path, {"metadata": {"available": None}})
        self.assertEqual(self.ask("GET", path + "/similar").json["products"][0]["product"], other)
        patched = self.ask("PATCH", path, {"metadata": {"price": None, "stock": 0}})
        self.assertEqual(patched.json["metadata"], {"title": "Blue", "tags": ["a", "b"], "stock": 0})
        self.assertEqual(len(patched.json["photos"]), 1)
        sold = self.ask("GET", f"/v1/products/{quote(other)}/similar?where=" + quote("stock is missing or stock > 0"))
        self.assertNotEqual(sold.json["products"][0]["product"], "new/ワンピース 1")
        again = self.ask("PUT", path, {"metadata": {"title": "Red"}})
        self.assertEqual((again.status, again.json["metadata"]), (200, {"title": "Red"}))
        self.assertEqual(len(again.json["photos"]), 1) # photos are not metadata
        self.assertEqual(self.ask("DELETE", path).status, 204)
        self.assertProblem(self.ask("DELETE", path), 404, "not-found")
        self.assertProblem(self.ask("GET", path), 404, "not-found")
        gone = self.ask("GET", f"/v1/products/{quote(other)}/similar?k=1000").json["products"]
        self.assertNotIn("new/ワンピース 1", [product["product"] for product in gone])

    def test_photos(self):
        ids = self.shop.ids()
        first, second = self.shop.photo(ids[0]), self.shop.photo(ids[1])
        jpeg = {"Content-Type": "image/jpeg"}
        self.ask("PUT", "/v1/products/album", {"metadata": {}})
        self.ask("POST", "/v1/products/album/photos", first, jpeg)
        both = self.ask("PUT", "/v1/products/album/photos/5", second, jpeg).json
        self.assertEqual([photo["bytes"] for photo in both["photos"]], [len(first), len(second)])
        body, headers = multipart([("photo", "x", second)])
        twice = self.ask("PUT", "/v1/products/album/photos/0", body, headers).json
        self.assertEqual([photo["bytes"] for photo in twice["photos"]], [len(second), len(second)])
        self.assertProblem(self.ask("PUT", "/v1/products/album/photos/0", b"no photo", jpeg), 415,
                           "unsupported-photo", "photo")
        self.assertEqual(self.ask("GET", "/v1/products/album").json, twice)
        self.assertEqual(len(self.ask("DELETE", "/v1/products/album/photos/0").json["photos"]), 1)
        self.assertEqual(self.ask("DELETE", "/v1/products/album/photos/1").status, 404)
        self.assertProblem(self.ask("DELETE", "/v1/products/album/photos/x"), 404, "not-found")
        self.assertProblem(self.ask("POST", "/v1/products/none/photos", first, jpeg), 404, "not-found")
        self.assertEqual(self.ask("GET", "/v1/products/album/similar?k=1").json["products"][0]["product"], ids[1])
        self.ask("DELETE", "/v1/products/album")

    def test_conditions(self):
        path = "/v1/products/tagged"
        tag = self.ask("PUT", path, {"metadata": {"stock": 1}}, {"If-None-Match": "*"}).headers["ETag"]
        self.assertProblem(self.ask("PUT", path, {"metadata": {}}, {"If-None-Match": "*"}), 412,
                           "precondition-failed")
        self.assertEqual(self.ask("GET", path).headers["ETag"], tag)
        self.assertEqual(self.ask("GET", path, headers={"If-None-Match": f'"x", {tag}'}).status, 304)
        changed = self.ask("PATCH", path, {"metadata": {"stock": 2}}, {"If-Match": tag})
        self.assertEqual(changed.status, 200, changed)
        self.assertNotEqual(changed.headers["ETag"], tag)
        self.assertProblem(self.ask("PATCH", path, {"metadata": {"stock": 3}}, {"If-Match": tag}), 412,
                           "precondition-failed")
        self.assertEqual(self.ask("GET", path).json["metadata"], {"stock": 2})
        self.assertProblem(self.ask("PATCH", "/v1/products/none", {"metadata": {}}), 404, "not-found")
        self.assertProblem(self.ask("DELETE", path, headers={"If-Match": tag}), 412, "precondition-failed")
        self.assertProblem(self.ask("DELETE", "/v1/products/none", headers={"If-Match": tag}), 404, "not-found")
        self.assertEqual(self.ask("GET", path).status, 200)
        self.assertEqual(self.ask("DELETE", path, headers={"If-Match": changed.headers["ETag"]}).status, 204)
        self.assertEqual(self.ask("GET", path).status, 404)

    def test_own_answer(self):
        """A write is answered with what it made, though others write the same product meanwhile."""
        failures = []
        def write(own):
            connection = self.shop.connect()
            for i in range(40):
                put = self.ask("PUT", "/v1/products/shared", {"metadata": {own: i}}, connection=connection)
                if put.json["metadata"] != {own: i}:
                    failures.append(put)
            connection.close()
        writers = [threading.Thread(target=write, args=(f"own{n}",)) for n in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        self.assertEqual(failures, [])
        blank = self.ask("PUT", "/v1/products/shared", {"metadata": {"title": " ", "brand": "", "price": 1}})
        self.assertEqual(blank.json["metadata"], {"price": 1}) # blank is no value, and the answer says what is kept
        self.assertEqual(self.ask("GET", "/v1/products/shared").body, blank.body)
        self.ask("DELETE", "/v1/products/shared")

    def test_batch(self):
        items = [{"product": "b1", "metadata": {"price": 1}}, {"product": "b\u0001"}, {"product": "b2"}]
        answer = self.ask("POST", "/v1/products:batch", {"products": items})
        self.assertEqual([p["status"] for p in answer.json["products"]], [201, 400, 201], answer)
        items = [{"product": "b1", "metadata": {"title": "x"}}, {"product": "none", "metadata": {}}]
        answer = self.ask("POST", "/v1/products:batch", {"products": items, "mode": "patch"})
        self.assertEqual([p["status"] for p in answer.json["products"]], [200, 404])
        self.assertEqual(self.ask("GET", "/v1/products/b1").json["metadata"], {"title": "x", "price": 1})
        many = {"products": [{"product": "x"}] * 1001}
        self.assertProblem(self.ask("POST", "/v1/products:batch", many), 400, "out-of-range", "products")
        for product in ("b1", "b2"):
            self.ask("DELETE", "/v1/products/" + product)

    def test_again(self):
        """A write that is sent twice with one Idempotency-Key is done once."""
        photo, key = self.shop.photo(self.shop.ids()[0]), {"Content-Type": "image/jpeg", "Idempotency-Key": "k1"}
        self.ask("PUT", "/v1/products/twice", {"metadata": {}})
        first = self.ask("POST", "/v1/products/twice/photos", photo, key)
        again = self.ask("POST", "/v1/products/twice/photos", photo, key)
        self.assertEqual((again.status, again.body), (first.status, first.body))
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        self.assertEqual(len(self.ask("GET", "/v1/products/twice").json["photos"]), 1)
        self.assertProblem(self.ask("POST", "/v1/products/twice/photos", photo + b"x", key), 422,
                           "idempotency-key-reused", "Idempotency-Key")
        broken = {"Content-Type": "image/jpeg", "Idempotency-Key": "k2"}
        self.assertEqual(self.ask("POST", "/v1/products/twice/photos", b"x", broken).status, 415)
        self.assertEqual(self.ask("POST", "/v1/products/twice/photos", photo, broken).status, 200) # it had failed
        self.ask("DELETE", "/v1/products/twice")
        self.ask("PUT", "/v1/products/beside", {"metadata": {}})
        key["Idempotency-Key"] = "k4"
        with concurrent.futures.ThreadPoolExecutor(8) as pool: # meanwhile it is being done
            answers = list(pool.map(lambda _: self.ask("POST", "/v1/products/beside/photos", photo + b"y", key), range(8)))
        self.assertEqual({answer.status for answer in answers}, {200, 409})
        self.assertEqual({a.headers["Retry-After"] for a in answers if a.status == 409}, {"1"})
        self.assertEqual(len(self.ask("GET", "/v1/products/beside").json["photos"]), 1)
        self.ask("DELETE", "/v1/products/beside")
        made = self.ask("POST", "/v1/products:import", {}, {"Idempotency-Key": "k3"})
        again = self.ask("POST", "/v1/products:import", {}, {"Idempotency-Key": "k3"})
        self.assertEqual((again.status, again.body), (201, made.body))
        self.assertEqual(again.headers["Location"], made.headers["Location"])
        self.assertEqual(len(self.ask("GET", "/v1/jobs").json["jobs"]), 1)
        self.ask("DELETE", made.headers["Location"])

    def test_list(self):
        ids, seen, after = self.shop.ids(), [], ""
        while True:
            page = self.ask("GET", "/v1/products?limit=7" + (f"&after={quote(after)}" if after else "")).json
            seen += [product["product"] for product in page["products"]]
            if "next" not in page:
                break
            after = page["next"]
        self.assertEqual(seen, ids)

    def test_strings(self):
        """Any text is data, and comes back as it was sent."""
        naughty = ["' or 1=1 --", "<script>alert(1)</script>", "a\tb", "\u202etxt", "𝒳", "{}", "null", "%00", "../../etc"]
        for text in naughty:
            with self.subTest(text):
                put = self.ask("PUT", "/v1/products/n", {"metadata": {"title": text}})
                self.assertEqual(put.json["metadata"]["title"], text, put)
        for product in ("..", "a/../b", "c:d", "?", "#", "%", "é"):
            with self.subTest(product):
                put = self.ask("PUT", "/v1/products/" + quote(product).replace(".", "%2E"), {"metadata": {}})
                self.assertEqual(put.json["product"], product, put)
                self.assertEqual(self.ask("DELETE", "/v1/products/" + quote(product)).status, 204)
        self.ask("DELETE", "/v1/products/n")

    def test_wrong_bodies(self):
        path, json_type = "/v1/products/w", {"Content-Type": "application/json"}
        self.assertProblem(self.ask("PUT", path, b"{", json_type), 400, "malformed-json")
        self.assertProblem(self.ask("PUT", path, b"", json_type), 400, "missing-body")
        self.assertProblem(self.ask("PUT", path, b"[]", json_type), 400, "wrong-type")
        self.assertProblem(self.ask("PUT", path, b"{}", {"Content-Type": "text/plain"}), 415, "unsupported-media-type")
        self.assertProblem(self.ask("PUT", path, {"metadata": 1}), 400, "wrong-type", "metadata")
        self.assertProblem(self.ask("PUT", path, {"meta": {}}), 400, "unknown-field", "meta")
        self.assertProblem(self.ask("PUT", path, b'{"metadata": {"a": 1, "a": 2}}', json_type), 400, "malformed-json")
        self.assertProblem(self.ask("PUT", path, b"[" * 100000, json_type), 413, "over-limit")
        self.assertProblem(self.ask("PUT", path, b" " * (1 << 20) + b"{}", json_type), 413, "body-too-large")
        self.assertProblem(self.ask("PUT", "/v1/products/" + "x" * 1025, {"metadata": {}}), 400, "invalid")
        self.assertProblem(self.ask("PUT", "/v1/products/a%0Ab", {"metadata": {}}), 400, "invalid")


class Service(ShopTest):
    def test_addresses(self):
        self.assertProblem(self.ask("GET", "/nothing"), 404, "no-such-address")
        self.assertProblem(self.ask("GET", "/v1/products/"), 404, "no-such-address")
        self.assertProblem(self.ask("GET", "/v1/products/a/b"), 404, "no-such-address")
        wrong = self.ask("POST", "/v1/products/a/similar", {})
        self.assertProblem(wrong, 405, "method-not-allowed")
        self.assertEqual(wrong.headers["Allow"], "GET, HEAD")
        self.assertEqual(self.ask("OPTIONS", "/v1/products/a").headers["Allow"], "GET, HEAD, PUT, PATCH, DELETE")
        head = self.ask("HEAD", "/healthz")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.headers["Content-Length"]), 0)

    def test_ops(self):
        self.assertEqual(self.ask("GET", "/healthz").json, {"status": "ok"})
        self.assertEqual(self.ask("GET", "/readyz").status, 200)
        self.assertEqual(self.ask("GET", "/v1/limits").json["photo_bytes"], 20 << 20)
        document = self.ask("GET", "/openapi.json").json
        self.assertEqual(document["openapi"], "3.1.0")
        self.assertIn("/v1/products/{id}/similar", document["paths"])
        self.ask("GET", "/none")
        for counted in ('{route="isAlive",status="2xx"}', '{route="none",status="4xx"}'):
            counted = "niteru_requests_total" + counted
            self.assertTrue(self.shop.comes(lambda: counted in self.ask("GET", "/metrics").body.decode()), counted)

    def test_request_id(self):
        self.assertEqual(self.ask("GET", "/healthz", headers={"X-Request-Id": "mine-1"}).headers["X-Request-Id"], "mine-1")
        made = self.ask("GET", "/healthz", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"]
        self.assertRegex(made, "^[0-9a-f]{16}$")
        self.assertTrue(self.shop.logs('"request_id": "mine-1"'))

    def test_gzip(self):
        plain = self.ask("GET", "/openapi.json")
        small = self.ask("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(small.headers["Content-Encoding"], "gzip")
        import gzip
        self.assertEqual(gzip.decompress(small.body), plain.body)

    def test_other_sites(self):
        """A page of elsewhere must not reach a service that asks for no key, by its own name or by rebinding."""
        self.assertProblem(self.ask("GET", "/v1/models", headers={"Origin": "https://evil.example"}), 403,
                           "origin-not-allowed")
        self.assertProblem(self.ask("GET", "/v1/models", headers={"Host": "evil.example"}), 403, "origin-not-allowed")
        own = f"127.0.0.1:{self.shop.port}"
        self.assertEqual(self.ask("GET", "/v1/models", headers={"Origin": "http://" + own}).status, 200)
        self.assertProblem(self.ask("POST", "/v1/products:batch", {"products": [{"product": "x"}]},
                                    {"Origin": "https://evil.example"}), 403, "origin-not-allowed")


if __name__ == "__main__":
    shop.main()
