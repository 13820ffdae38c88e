# SPDX-License-Identifier: Apache-2.0
"""A change of the model that is served: beside it, resumable, compared, and back."""
import os
import random
import shutil
import signal
import time
import unittest

import shop
from shop import Shop, ShopTest, quote

NETWORK = os.path.join(os.environ["NITERU_MODELS"], "niteru-base.onnx")


def add_model(where, name):
    """The shipped network, whose photos are made ready in another way, so that its vectors are others."""
    with open(NETWORK, "rb") as file:
        answer = where.ask("PUT", f"/v1/models/{name}?preset=squash-01", file.read())
    assert answer.status == 201, answer


def default(where):
    return next(one["name"] for one in where.ask("GET", "/v1/models").json["models"] if one["default"])


def count(where, model):
    return next(one["vectors"] for one in where.ask("GET", "/v1/models").json["models"] if one["name"] == model)


def finish(where, answer):
    """The job of this answer, when it has come to its end."""
    assert answer.status == 202, answer
    job = f"/v1/jobs/{answer.json['job']}"
    assert where.comes(lambda: where.ask("GET", job).json["state"] in ("done", "failed"))
    return where.ask("GET", job).json


def vectors(where, model):
    """What the model knows of each photo, as bytes."""
    folder = os.path.join(where.folder, "vectors")
    where.run("export", folder, "--model", model)
    parts = []
    for name in ("image_vectors.npy", "image_ids.txt"):
        with open(os.path.join(folder, name), "rb") as file:
            parts.append(file.read())
    shutil.rmtree(folder)
    return parts


class Switch(ShopTest):
    count = 40

    def switch(self, model, **body):
        return finish(self.shop, self.ask("POST", f"/v1/models/{model}:switch", body))

    def back(self):
        return finish(self.shop, self.ask("POST", "/v1/models:back", {}))

    def test_there_and_back(self):
        add_model(self.shop, "other")
        product = quote(self.shop.ids()[0])
        before = self.ask("GET", f"/v1/products/{product}/similar").json["products"]
        ready = self.switch("other", prepare=True)
        self.assertEqual((ready["state"], ready["counts"]["embedded"], default(self.shop)), ("done", 40, "niteru-base"), ready)
        compared = ready["comparison"]
        self.assertEqual((compared["label"], compared["queries"]), ("category", 40))
        self.assertEqual((compared["old"]["model"], compared["new"]["model"]), ("niteru-base", "other"))
        for one in (compared["old"], compared["new"]):
            self.assertTrue(0.3 < one["p1"] <= 1 and 0.3 < one["p5"] <= 1, compared)
        self.assertTrue(0 < compared["same"] < 1 and compared["different"], compared)
        self.assertEqual(self.ask("GET", f"/v1/products/{product}/similar").json["products"], before)
        # What comes in between is embedded by the served model, and by the other when its time comes.
        photo = self.shop.photo(self.shop.ids()[5])[:-2] + b"\xff\xfe\x00\x04ab\xff\xd9" # other bytes of the same picture
        self.ask("PUT", "/v1/products/late", {"metadata": {"category": "bag"}})
        self.assertEqual(self.ask("POST", "/v1/products/late/photos", photo, {"Content-Type": "image/jpeg"}).status, 200)
        done = self.switch("other")
        self.assertEqual((done["state"], done["counts"]["embedded"], default(self.shop)), ("done", 1, "other"), done)
        self.assertEqual(self.ask("GET", f"/v1/products/{product}/similar").json["model"], "other")
        self.assertTrue(self.ask("GET", "/v1/products/late/similar").json["products"])
        self.ask("PUT", "/v1/products/later", {"metadata": {}})
        self.assertEqual(self.ask("POST", "/v1/products/later/photos", photo + b"x", {"Content-Type": "image/jpeg"}).status, 200)
        self.assertEqual(self.back()["counts"]["embedded"], 1)
        self.assertEqual(default(self.shop), "niteru-base")
        self.assertTrue(self.ask("GET", "/v1/products/later/similar").json["products"])
        for gone in ("late", "later"):
            self.ask("DELETE", f"/v1/products/{gone}")
        self.assertEqual(self.ask("GET", f"/v1/products/{product}/similar").json["products"], before)
        self.assertEqual(self.back()["state"], "done") # and forth again
        self.assertEqual(default(self.shop), "other")
        self.back()
        self.ask("DELETE", "/v1/models/other")

    def test_refused(self):
        self.assertProblem(self.ask("POST", "/v1/models/none:switch", {}), 404, "not-found", "model")
        self.assertIn("is used already", self.switch("niteru-base")["message"])
        self.assertIn("no model that was used before", self.back()["message"])
        self.assertEqual(self.ask("POST", "/v1/models/niteru-base:switch", {"rate": -1}).status, 400)

    def test_photos_that_are_gone(self):
        """A photo that cannot be had any more would take its product out of all answers, so nothing is switched."""
        add_model(self.shop, "third")
        images = os.path.join(self.shop.photos, "images")
        gone, changed = sorted(os.listdir(images))[:2]
        os.rename(os.path.join(images, gone), os.path.join(images, "away"))
        with open(os.path.join(images, changed), "r+b") as file:
            whole = file.read()
            file.seek(0, os.SEEK_END)
            file.write(b"more")
        job = self.switch("third")
        self.assertEqual((job["state"], job["counts"]["failed"], default(self.shop)), ("failed", 2, "niteru-base"), job)
        self.assertIn("2 photos could not be embedded", job["message"])
        self.assertNotIn(self.shop.folder, job["message"])
        results = self.ask("GET", f"/v1/jobs/{job['job']}/results").json["results"]
        self.assertEqual(len(results), 2)
        self.assertIn("changed since it was indexed", str(results))
        self.assertNotIn(self.shop.folder, str(results))
        self.assertEqual(self.ask("GET", "/v1/flags").json["unreadable"], 0, "the served model goes on with what it has")
        self.assertEqual(self.switch("third", leave_out=True)["state"], "done")
        self.assertEqual((default(self.shop), count(self.shop, "third")), ("third", 38))
        os.rename(os.path.join(images, "away"), os.path.join(images, gone))
        with open(os.path.join(images, changed), "wb") as file:
            file.write(whole)
        self.back()
        self.ask("DELETE", "/v1/models/third")

    def test_command_line(self):
        """Through the server, whose work it is while it runs."""
        add_model(self.shop, "fourth")
        said = self.shop.run("model", "switch", "fourth", "--prepare").stdout
        self.assertIn("40 photos embedded", said)
        self.assertIn("P@1", said)
        self.assertIn("fourth is used from now on", self.shop.run("model", "switch", "fourth", "--label", "title").stdout)
        self.assertEqual(default(self.shop), "fourth")
        self.assertIn("0 photos embedded", self.shop.run("model", "switch", "--back").stdout)
        self.assertEqual(default(self.shop), "niteru-base")
        self.assertEqual(self.shop.run("model", "switch", check=False).returncode, 2)
        self.assertIn("there is no field 'colur'", self.shop.run("model", "switch", "fourth", "--label", "colur", check=False).stderr)
        self.assertIn("there is no model 'nix'", self.shop.run("model", "switch", "nix", check=False).stderr)
        self.ask("DELETE", "/v1/models/fourth")

    def test_one_at_a_time(self):
        add_model(self.shop, "fifth")
        slow = self.ask("POST", "/v1/models/fifth:switch", {"rate": 4})
        self.assertProblem(self.ask("POST", "/v1/models/fifth:switch", {}), 409, "job-state")
        job = f"/v1/jobs/{slow.json['job']}"
        self.assertTrue(self.shop.comes(lambda: self.ask("GET", job).json.get("progress", {}).get("embedded", 0) > 0))
        self.assertEqual(self.ask("GET", job).json["progress"]["total"], 40)
        # A list is taken meanwhile.
        other = self.ask("POST", "/v1/products:import", {"format": "jsonl"}).json["job"]
        self.ask("PUT", f"/v1/jobs/{other}/list", b'{"id": "meanwhile"}\n', {"Content-Type": "application/jsonl"})
        self.ask("POST", f"/v1/jobs/{other}:start")
        self.assertTrue(self.shop.comes(lambda: self.ask("GET", f"/v1/jobs/{other}").json["state"] == "done"))
        self.assertEqual(self.ask("GET", job).json["state"], "running")
        self.assertEqual(self.ask("POST", job + ":stop").status, 202)
        self.assertTrue(self.shop.comes(lambda: self.ask("GET", job).json["state"] == "failed"))
        self.assertEqual(default(self.shop), "niteru-base")
        self.assertGreater(count(self.shop, "fifth"), 0)
        self.ask("DELETE", "/v1/models/fifth")
        self.ask("DELETE", "/v1/products/meanwhile")


class Kill(unittest.TestCase):
    def test_ten_times(self):
        """Killed ten times in the middle while products come and go, it goes on by itself and ends with the vectors
        that a run without a kill makes."""
        mine = Shop(300).start()
        try:
            add_model(mine, "other")
            answer = mine.ask("POST", "/v1/models/other:switch", {"rate": 60})
            job = f"/v1/jobs/{answer.json['job']}"
            states = []
            for number in range(10):
                time.sleep(random.uniform(0.1, 0.7))
                put = mine.ask("PUT", f"/v1/products/new-{number}", {"metadata": {"category": "new"}})
                self.assertEqual(put.status, 201)
                mine.ask("POST", f"/v1/products/new-{number}/photos", mine.photo(mine.ids()[number]) + bytes([number + 1]),
                         {"Content-Type": "image/jpeg"})
                states.append((mine.ask("GET", job).json["state"], count(mine, "other")))
                mine.stop(signal.SIGKILL)
                mine.start()
            self.assertTrue(mine.comes(lambda: mine.ask("GET", job).json["state"] == "done"), (states, mine.ask("GET", job).json))
            self.assertIn("running", [state for state, _ in states])
            self.assertEqual((default(mine), count(mine, "other")), ("other", 310), states)
            self.assertEqual(mine.ask("GET", "/readyz").status, 200)
            self.assertIn("sound", mine.run("check").stdout)
            mine.stop()
            once = vectors(mine, "other")
            mine.run("model", "default", "niteru-base")
            mine.run("model", "remove", "other")
            mine.run("model", "add", NETWORK, "--name", "other", "--preset", "squash-01")
            mine.run("model", "switch", "other", "--threads", "1")
            self.assertEqual(once, vectors(mine, "other"))
        finally:
            mine.close()


if __name__ == "__main__":
    shop.main()
