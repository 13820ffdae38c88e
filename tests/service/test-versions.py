# SPDX-License-Identifier: Apache-2.0
"""Writes that arrive late, by the API and by lists: the latest version stands, in whatever order they come."""
import os
import random
import threading

import shop
from shop import ShopTest, quote


class Versions(ShopTest):
    count = 30

    def put(self, product, query, rank, method="PUT"):
        return self.ask(method, f"/v1/products/{quote(product)}{query}", {"metadata": {"rank": rank}})

    def rank(self, product):
        answer = self.ask("GET", f"/v1/products/{quote(product)}")
        return answer.json["metadata"].get("rank") if answer.status == 200 else None

    def test_late_put(self):
        self.assertEqual(self.put("a", "?version=5", 1).json["version"], 5)
        self.assertProblem(self.put("a", "?version=4", 2), 409, "stale")
        self.assertProblem(self.put("a", "?version=4", 2, "PATCH"), 409, "stale")
        self.assertEqual(self.put("a", "?version=5", 3).status, 200)
        self.assertEqual(self.put("a", "", 4).json["version"], 5)
        self.assertEqual(self.rank("a"), 4)
        self.assertProblem(self.ask("DELETE", "/v1/products/a?version=4"), 409, "stale")
        self.assertEqual(self.ask("DELETE", "/v1/products/a?version=7").status, 204)
        self.assertProblem(self.put("a", "?version=6", 5), 409, "stale")
        self.assertIsNone(self.rank("a"))
        self.assertEqual(self.put("a", "?version=8", 6).status, 201)

    def test_delete_that_comes_first(self):
        self.assertEqual(self.ask("DELETE", "/v1/products/early?time=2026-01-31T08:30:00.250Z").status, 204)
        self.assertProblem(self.put("early", "?time=2026-01-31T08:30:00.249Z", 1), 409, "stale")
        self.assertEqual(self.put("early", "?time=2026-01-31T09:30:00.251%2B01:00", 2).status, 201)
        self.assertEqual(self.ask("DELETE", "/v1/products/none").status, 404)

    def test_photos(self):
        product, photo = self.shop.ids()[3], self.shop.photo(self.shop.ids()[4])
        path = f"/v1/products/{quote(product)}/photos"
        jpeg = {"Content-Type": "image/jpeg"}
        self.assertEqual(self.ask("PUT", path + "/0?version=9", photo, jpeg).status, 200)
        before = self.ask("GET", f"/v1/products/{quote(product)}").json
        self.assertProblem(self.ask("PUT", path + "/0?version=8", self.shop.photo(product), jpeg), 409, "stale")
        self.assertProblem(self.ask("DELETE", path + "/0?version=8"), 409, "stale")
        self.assertEqual(self.ask("GET", f"/v1/products/{quote(product)}").json, before)

    def test_if(self):
        self.assertProblem(self.put("one", "?if=present", 1), 412, "precondition-failed")
        self.assertEqual(self.put("one", "?if=absent", 2).status, 201)
        self.assertProblem(self.put("one", "?if=absent", 3), 412, "precondition-failed")
        self.assertEqual(self.put("one", "?if=present", 4).status, 200)
        self.assertEqual(self.rank("one"), 4)

    def test_batch(self):
        def send(**more):
            items = [{"product": name, "version": version, "metadata": {"rank": version}}
                     for name, version in (("b1", 4), ("b2", 9), ("b3", 2))]
            return [one["status"] for one in self.ask("POST", "/v1/products:batch", {"products": items, **more}).json["products"]]
        self.put("b1", "?version=5", 0)
        self.put("b2", "?version=5", 0)
        self.assertEqual(send(), [409, 200, 201])
        self.assertEqual(send(**{"if": "absent"}), [412, 412, 412])
        self.assertEqual([self.rank(one) for one in ("b1", "b2", "b3")], [0, 9, 2])
        removal = self.ask("POST", "/v1/products:remove", {"products": ["b1", "b2", "b3", "b4"], "version": 6})
        self.assertEqual(removal.json, {"removed": 2, "stale": 1})
        self.assertEqual(send(), [409, 200, 409])

    def test_refused(self):
        for query, field in (("?version=0", "version"), ("?version=1.5", "version"), ("?version=9007199254740992", "version"),
                             ("?time=yesterday", "time"), ("?time=2026-01-31&version=3", "time"), ("?if=maybe", "if")):
            answer = self.put("bad", query, 1)
            self.assertEqual((answer.status, answer.json["field"]), (400, field), query)
        for body in ({"products": [{"product": "x", "time": "long ago"}]}, {"products": [{"product": "x", "version": -1}]}):
            self.assertEqual(self.ask("POST", "/v1/products:batch", body).status, 400)
        self.assertProblem(self.ask("POST", "/v1/products:remove", {"where": "rank = 1", "version": 3}), 400, "invalid", "where")
        self.assertProblem(self.ask("POST", "/v1/products:import", {"time": "long ago"}), 400, "invalid", "time")

    def test_any_order(self):
        """The history of a product from many connections, each write twice: all products end as their histories do."""
        events = []
        for number in range(12):
            events += [(f"r{number}", version, random.random() < 0.3) for version in range(1, 9)] * 2
        last = {name: (version, removal) for name, version, removal in sorted(events)}
        random.shuffle(events)

        def deliver(mine):
            for name, version, removal in mine:
                answer = (self.ask("DELETE", f"/v1/products/{name}?version={version}") if removal
                          else self.put(name, f"?version={version}", version))
                self.assertIn(answer.status, (200, 201, 204, 409), answer)
        threads = [threading.Thread(target=deliver, args=(events[part::4],)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, (version, removal) in last.items():
            self.assertEqual(self.rank(name), None if removal else version, name)

    def run_list(self, rows, *flags, columns="id,image,rank,changed", check=True):
        path = os.path.join(self.shop.folder, "versions.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join([columns, *rows]) + "\n")
        return self.shop.run("index", path, *flags, "--json", check=check)

    def test_lists(self):
        """By the command line, whose work the server does."""
        images = sorted(os.listdir(os.path.join(self.shop.photos, "images")))[:4]
        rows = [f"l{i},photos/images/{name},{i},2026-02-0{i}T10:00:00Z" for i, name in enumerate(images, 1)]
        self.ask("DELETE", "/v1/products/l2?time=2026-03-01T00:00:00Z")
        self.put("l3", "?time=2026-03-01T00:00:00Z", 33)
        result = self.run_list(rows, "--version-from", "changed")
        self.assertEqual([self.rank(f"l{i}") for i in (1, 2, 3, 4)], [1, None, 33, 4], result.stdout)
        self.assertIn('"stale": 2', result.stdout)
        # A complete pass that is older takes nothing of the later ones away, and what it prunes stays away.
        result = self.run_list(rows[:1] + rows[2:3], "--version-from", "changed", "--prune")
        self.assertEqual([self.rank(f"l{i}") for i in (1, 2, 3, 4)], [1, None, 33, None], result.stdout)
        self.assertProblem(self.put("l4", "?time=2026-02-03T00:00:00Z", 44), 409, "stale")
        # A part of it, without --prune, removes nothing.
        self.run_list(rows[:1], "--if", "present", "--as-of", "2026-04-01")
        self.assertEqual(self.rank("l3"), 33)
        self.assertIn('"passed_over": 1', self.run_list([f"l9,photos/images/{images[0]},9,"], "--if", "present").stdout)
        self.assertIsNone(self.rank("l9"))
        wrong = self.run_list([rows[0].rsplit(",", 1)[0] + ",soon"], "--version-from", "changed", check=False)
        self.assertIn("'soon' is no version", wrong.stderr)
        missing = self.run_list(rows[:1], "--version-from", "updated", check=False)
        self.assertIn("no row has a field 'updated'", missing.stderr)
        removed = self.shop.run("remove", "l1", "l3", "--as-of", "2026-03-15", check=False)
        self.assertIn("1 removed", removed.stdout)
        self.assertIn("1 stay", removed.stdout)
        self.assertEqual(self.rank("l1"), 1)

    def test_import(self):
        job = self.ask("POST", "/v1/products:import", {"format": "jsonl", "version_from": "v"}).json["job"]
        self.put("i1", "?version=5", 5)
        body = b'{"id": "i1", "rank": 4, "v": 4}\n{"id": "i2", "rank": 4, "v": 4}\n'
        self.assertEqual(self.ask("PUT", f"/v1/jobs/{job}/list", body, {"Content-Type": "application/jsonl"}).status, 200)
        self.assertEqual(self.ask("POST", f"/v1/jobs/{job}:start").status, 202)
        self.assertTrue(self.shop.comes(lambda: self.ask("GET", f"/v1/jobs/{job}").json["state"] == "done"))
        counts = self.ask("GET", f"/v1/jobs/{job}").json["counts"]
        self.assertEqual((counts["products"], counts["added"], counts["stale"]), (2, 1, 1))
        self.assertEqual([self.rank("i1"), self.rank("i2")], [5, 4])


if __name__ == "__main__":
    shop.main()
