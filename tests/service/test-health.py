# SPDX-License-Identifier: Apache-2.0
"""What is the matter with products: flags, and the votes of those that look alike."""
import time

import shop
from shop import ShopTest, quote


class Health(ShopTest):
    count = 120

    def listed(self, **query):
        text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        return [one["product"] for one in self.ask("GET", "/v1/products?limit=1000&" + text).json["products"]]

    def test_flags(self):
        whole = {"products": 120, "no-photo": 0, "unreadable": 0, "duplicate": 0}
        self.assertEqual(self.ask("GET", "/v1/flags").json, whole)
        first, second = self.shop.ids()[:2]
        jpeg = {"Content-Type": "image/jpeg"}
        self.ask("PUT", "/v1/products/bare", {"metadata": {"title": "bare"}})
        self.ask("PUT", "/v1/products/twin", {"metadata": {}})
        self.ask("POST", "/v1/products/twin/photos", self.shop.photo(first), jpeg)
        job = self.ask("POST", "/v1/products:import", {}).headers["Location"]
        self.ask("PUT", job + "/list", b"id,image\nbroken,broken.jpg\n")
        self.ask("PUT", job + "/photos/broken.jpg", b"\xff\xd8\xff\xe0 no photo")
        self.ask("POST", job + ":start")
        while self.ask("GET", job).json["state"] in ("queued", "running"):
            time.sleep(0.02)
        self.assertEqual(self.ask("GET", "/v1/flags").json,
                         {"products": 123, "no-photo": 1, "unreadable": 1, "duplicate": 2})
        self.assertEqual(self.listed(flag="no-photo"), ["bare"])
        self.assertEqual(self.listed(flag="unreadable"), ["broken"])
        self.assertEqual(self.listed(flag="duplicate"), sorted([first, "twin"]))
        self.assertEqual(self.listed(flag="duplicate", after=min(first, "twin")), [max(first, "twin")])
        self.assertEqual(self.listed(flag="no-photo", where="title = 'other'"), [])
        self.assertEqual(self.listed(flag="no-photo", where="title = 'bare'"), ["bare"])
        self.assertProblem(self.ask("GET", "/v1/products?flag=other"), 400, "not-a-choice", "flag")
        for product in ("bare", "twin", "broken"):
            self.ask("DELETE", "/v1/products/" + product)
        self.assertEqual(self.ask("GET", "/v1/flags").json, whole)
        self.assertIn(second, self.listed())

    def votes(self, limit=50, **query):
        found, after, looked = [], None, 0
        while True:
            text = "".join(f"&{name}={quote(value)}" for name, value in {**query, **({"after": after} if after else {})}.items())
            page = self.ask("GET", f"/v1/votes?limit={limit}{text}").json
            found += page["votes"]
            looked += page["looked_at"]
            after = page.get("next")
            if after is None:
                return found, looked

    def test_votes(self):
        """A product that is given another's category is told, with its true one; one without has it proposed."""
        before, looked = self.votes()
        self.assertEqual(looked, len(self.shop.ids()))
        told = {vote["product"] for vote in before}
        products = {one["product"]: one["metadata"]["category"]
                    for one in self.ask("GET", "/v1/products?limit=1000").json["products"]}
        kinds = sorted(set(products.values()))
        sure = {}
        for product in sorted(products):
            alike = self.ask("GET", f"/v1/products/{quote(product)}/similar?k=10").json["products"]
            agree = sum(one["metadata"]["category"] == products[product] for one in alike)
            if agree >= 8 and len(sure) < 3:
                sure[product] = products[product]
        self.assertEqual(len(sure), 3)
        wrong, missing, right = sure
        other = next(kind for kind in kinds if kind != sure[wrong])
        self.ask("PATCH", "/v1/products/" + quote(wrong), {"metadata": {"category": other}})
        self.ask("PATCH", "/v1/products/" + quote(missing), {"metadata": {"category": None}})
        for limit in (7, 500):
            found = {vote["product"]: vote for vote in self.votes(limit)[0]}
            self.assertEqual((found[wrong]["value"], found[wrong]["elected"]), (other, sure[wrong]))
            self.assertEqual((found[missing]["value"], found[missing]["elected"]), (None, sure[missing]))
            self.assertNotIn(right, found)
            self.assertGreaterEqual(found[wrong]["share"], 0.7)
        for product in (wrong, missing):
            self.ask("PATCH", "/v1/products/" + quote(product), {"metadata": {"category": sure[product]}})
        self.assertEqual({vote["product"] for vote in self.votes()[0]}, told)

    def test_other_fields(self):
        """Numbers vote like texts; of a field that nothing has there is nothing to tell; photos need not be there."""
        self.assertEqual(self.votes(field="no such field"), ([], len(self.shop.ids())))
        self.votes(field="price")
        self.ask("PUT", "/v1/products/bare", {"metadata": {"category": "Dress"}})
        self.assertNotIn("bare", [vote["product"] for vote in self.votes()[0]])
        self.ask("DELETE", "/v1/products/bare")
        self.assertProblem(self.ask("GET", "/v1/votes?model=nix"), 404, "not-found", "model")
        self.assertProblem(self.ask("GET", "/v1/votes?limit=0"), 400, "out-of-range", "limit")


class Unseen(ShopTest):
    count = 30

    def listed(self, **query):
        text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        return [one["product"] for one in self.ask("GET", "/v1/products?" + text).json["products"]]

    def test_never_shown_never_clicked(self):
        """Found once a minute, so all that is asked is asked after the events."""
        ids = self.shop.ids()
        shown, clicked, seldom = ids[3], ids[4], ids[5:20:2]
        events = [{"kind": "impression", "product": product, "session": f"s{i}"} for i in range(100) for product in (shown, clicked)]
        events += [{"kind": "impression", "product": product, "session": "s0"} for product in seldom]
        events += [{"kind": "click", "product": clicked, "session": "s0"}, {"kind": "view", "product": ids[0], "session": "s0"}]
        self.assertEqual(self.ask("POST", "/v1/events", events).json["new"], len(events))
        never = [one for one in ids if one not in (shown, clicked, *seldom)]
        flags = self.ask("GET", "/v1/flags").json
        self.assertEqual((flags["never-shown"], flags["never-clicked"]), (len(never), 1))
        self.assertEqual(self.listed(flag="never-shown"), never)
        self.assertEqual(self.listed(flag="never-clicked"), [shown])
        self.assertEqual(self.listed(flag="never-shown", limit=2), never[:2])
        for after in (never[1], ids[3], seldom[2], ids[-1], "0", "zzz"):
            self.assertEqual(self.listed(flag="never-shown", after=after), [one for one in never if one > after], after)
        where = "category = 'Dress'"
        dresses = set(self.listed(where=where))
        self.assertEqual(self.listed(flag="never-shown", where=where), [one for one in never if one in dresses])
        # What goes meanwhile is passed over, the one that a page ends with too.
        for gone in (never[0], never[len(never) // 2]):
            self.ask("DELETE", "/v1/products/" + quote(gone))
        left = [one for one in never if one not in (never[0], never[len(never) // 2])]
        self.assertEqual(self.listed(flag="never-shown"), left)
        self.assertEqual(self.listed(flag="never-shown", after=never[len(never) // 2]), [one for one in left if one > never[len(never) // 2]])

    def test_without_impressions(self):
        bare = shop.Shop(3).start()
        try:
            self.assertEqual(set(bare.ask("GET", "/v1/flags").json), {"products", "no-photo", "unreadable", "duplicate"})
        finally:
            bare.close()


if __name__ == "__main__":
    shop.main()
