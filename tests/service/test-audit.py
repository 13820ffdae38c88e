# SPDX-License-Identifier: Apache-2.0
"""The audit log: each write that was done is in it, with who did it and from where, and no secret is."""
import json
import os
import threading

import shop
from shop import ShopTest, quote

CHECKED = ("time", "operation", "request_id", "who", "from", "products", "status")


class Audit(ShopTest):
    settings = ["trusted_proxies=127.0.0.0/8"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = {name: cls.shop.run("key", "create", "--kind", kind, "--name", name, "-q").stdout.strip()
                    for name, kind in [("boss", "admin"), ("backend", "secret"), ("tag", "publishable")]}

    def as_key(self, name, **more):
        return {"Authorization": "Bearer " + self.keys[name], **more}

    def entries(self, **query):
        asked = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        got = self.ask("GET", "/v1/audit?" + asked, headers=self.as_key("boss"))
        self.assertEqual(got.status, 200, got)
        return got.json["entries"], got.json.get("next")

    def last(self, operation):
        return [entry for entry in self.entries(limit=1000)[0] if entry["operation"] == operation][-1]

    def test_writes(self):
        headers = self.as_key("backend", **{"X-Request-Id": "order-7", "X-Forwarded-For": "203.0.113.9"})
        ask = lambda method, path, body=None, **more: self.ask(method, path, body, {**headers, **more})
        first, second = self.shop.ids(self.as_key("boss"))[:2]
        photo = self.shop.photo(first)
        jpeg = {"Content-Type": "image/jpeg"}
        self.assertEqual(ask("PUT", "/v1/products/a%2Fb", {"metadata": {"title": "x"}}).status, 201)
        put = self.last("putProduct")
        self.assertEqual([put[name] for name in CHECKED[2:]], ["order-7", {"by": "key", "name": "backend", "key": self.keys["backend"][:13]},
                                                              "203.0.113.9", ["a/b"], 201])
        self.assertEqual(put["count"], 1)
        self.assertEqual(ask("POST", "/v1/products/a%2Fb/photos", photo, **jpeg).status, 200)
        self.assertEqual(self.last("addPhoto")["products"], ["a/b"])
        undone = ask("PATCH", "/v1/products/a%2Fb", {"metadata": {"title": "y"}}).headers["X-Undo"]
        self.assertEqual(ask("POST", "/v1/undo/" + undone).status, 200)
        self.assertEqual(self.last("undoWrite")["change"], undone)
        batch = {"products": [{"product": "c", "metadata": {}}, {"product": "d", "metadata": {}}, {"product": "\u0001", "metadata": {}}]}
        outcomes = [one["status"] for one in ask("POST", "/v1/products:batch", batch).json["products"]]
        entry = self.last("writeProducts")
        self.assertEqual((entry["count"], entry["failed"], entry["products"][:2]),
                         (sum(one < 300 for one in outcomes), sum(one >= 300 for one in outcomes), ["c", "d"]))
        self.assertEqual(ask("POST", "/v1/products:remove", {"products": ["c"], "where": "title = 'none'"}).json["removed"], 1)
        entry = self.last("removeProducts")
        self.assertEqual((entry["count"], entry["products"], entry["where"]), (1, ["c"], "title = 'none'"))
        self.assertEqual(ask("DELETE", "/v1/products/none").status, 404) # it came to its handler
        entry = self.last("deleteProduct")
        self.assertEqual((entry["status"], entry["count"], entry["products"]), (404, 0, ["none"]))
        before = len(self.entries(limit=1000)[0])
        self.ask("PUT", "/v1/products/e", {"metadata": {}}) # without a key
        ask("PUT", "/v1/products/e", {"metadata": 7}) # refused before it was begun
        ask("GET", "/v1/products/" + quote(second))
        self.ask("POST", "/v1/search/image", photo, {**jpeg, **self.as_key("tag")})
        self.assertEqual(len(self.entries(limit=1000)[0]), before)
        self.assertEqual({entry["operation"] for entry in self.entries(product="a/b")[0]}, {"putProduct", "patchProduct", "addPhoto", "undoWrite"} - {"undoWrite"}
                         | ({"undoWrite"} if self.last("undoWrite")["products"] else set()))
        listed = self.shop.run("audit", "--product", "c").stdout
        self.assertIn("key backend (" + self.keys["backend"][:13] + ")", listed)
        self.assertIn("c and 2 more", listed)
        for name in ("audit.jsonl",):
            with open(os.path.join(self.shop.catalogue, name), encoding="utf-8") as file:
                text = file.read()
        for key in self.keys.values():
            self.assertNotIn(key[:20], text)

    def test_others(self):
        created = [entry for entry in self.entries(limit=1000)[0] if entry["operation"] == "createKey"]
        self.assertEqual([(entry["key"], entry["who"]) for entry in created[:3]],
                         [(name, {"by": "command", "user": os.getuid()}) for name in self.keys])
        self.shop.run("remove", self.shop.ids(self.as_key("boss"))[0]) # by the socket of the server
        entry = self.last("removeProducts")
        self.assertEqual((entry["who"], entry["from"]), ({"by": "socket", "user": os.getuid()}, "unix"))
        self.shop.run("index", os.path.join(self.shop.photos, "catalog.csv"))
        self.assertEqual(self.last("indexSource")["status"], 202)
        ended = self.last("endJob")
        self.assertEqual((ended["state"], ended["count"], ended["who"]), ("done", 40, {"by": "job"}))
        signed = self.ask("POST", "/v1/session", {"key": self.keys["boss"]})
        page = {"Cookie": signed.headers["Set-Cookie"].split(";")[0], "X-CSRF-Token": signed.json["csrf"]}
        self.assertEqual(self.ask("PUT", "/v1/products/p", {"metadata": {}}, page).status, 201)
        self.assertEqual(self.last("putProduct")["who"], {"by": "session", "name": "boss", "key": self.keys["boss"][:13]})
        self.assertProblem(self.ask("GET", "/v1/audit", headers=self.as_key("backend")), 403, "forbidden")

    def test_rotated(self):
        old = self.shop.run("key", "create", "--kind", "secret", "--name", "turning", "-q").stdout.strip()
        ask = lambda key: self.ask("GET", "/v1/jobs", headers={"Authorization": "Bearer " + key}).status
        self.assertEqual(ask(old), 200)
        new = self.shop.run("key", "rotate", "turning", "--overlap", "6s", "-q").stdout.strip()
        self.assertEqual((ask(new), ask(old)), (200, 200))
        self.assertTrue(self.shop.comes(lambda: ask(old) == 401)) # its time is up, and nothing was written
        last = self.shop.run("key", "rotate", "turning", "--overlap", "0s", "-q").stdout.strip()
        self.assertEqual((ask(last), ask(new)), (200, 401))
        entry = self.last("rotateKey")
        self.assertEqual((entry["key"], entry["who"]["by"]), ("turning", "command"))

    def test_pages(self):
        for i in range(7):
            self.ask("PUT", f"/v1/products/page-{i}", {"metadata": {}}, self.as_key("backend"))
        whole, after, pages = self.entries(limit=1000)[0], None, []
        while True:
            page, after = self.entries(limit=2, **({"after": after} if after else {}))
            pages += page
            if after is None:
                break
        self.assertEqual(pages, whole)
        since = whole[-3]["time"]
        self.assertEqual(self.entries(limit=1000, since=since)[0], [entry for entry in whole if entry["time"] >= since])
        self.assertEqual(self.entries(since="2099-01-01")[0], [])
        self.assertProblem(self.ask("GET", "/v1/audit?since=soon", headers=self.as_key("boss")), 400, "invalid", "since")
        self.assertProblem(self.ask("GET", "/v1/audit?after=1.x", headers=self.as_key("boss")), 400, "invalid", "after")
        self.assertEqual(json.loads(self.shop.run("audit", "--json").stdout.splitlines()[-1]), whole[-1])

    def test_bounds(self):
        """A full file is put aside while four clients write, a damaged line costs itself, and nothing of it is lost."""
        path, older = (os.path.join(self.shop.catalogue, name) for name in ("audit.jsonl", "audit.1.jsonl"))
        self.ask("PUT", "/v1/products/full", {"metadata": {}}, self.as_key("backend"))
        with open(path, "a", encoding="utf-8") as file:
            file.write("no JSON\n" + (" " * 1023 + "\n") * (16 * 1024 - 1))
        def write(number):
            for i in range(10):
                self.ask("PUT", f"/v1/products/full-{number}-{i}", {"metadata": {}}, self.as_key("backend"))
        clients = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertTrue(os.path.exists(older))
        self.assertLess(os.path.getsize(path), 1 << 20)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        got = self.ask("GET", "/v1/audit?limit=1000", headers=self.as_key("boss")).json
        ids = [entry["products"][0] for entry in got["entries"] if entry["operation"] == "putProduct"]
        self.assertGreaterEqual(set(ids), {"full"} | {f"full-{number}-{i}" for number in range(4) for i in range(10)})
        self.assertGreaterEqual(got["damaged"], 1)


if __name__ == "__main__":
    shop.main()
