# SPDX-License-Identifier: Apache-2.0
"""What visitors do comes in, and what they are recommended changes by it; nobody reads or spoils another's tastes."""
import csv
import hashlib
import hmac
import json
import os
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from shop import KeyedShopTest, Shop, ShopTest, quote


class Visitors(KeyedShopTest):
    count = 80
    settings = ("publishable_rate=100000", "control_percent=0", "random_percent=0")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.all = [product for product in cls.shop.ids({"Authorization": f"Bearer {cls.secret}"})]

    def bring(self, events, key=None, query=""):
        return self.ask("POST", "/v1/events" + query, events, {"Authorization": f"Bearer {key or self.secret}"})

    def feed(self, user, query="", key=None):
        answer = self.ask("GET", f"/v1/users/{quote(user)}/recommend?metadata=false{query}",
                          headers={"Authorization": f"Bearer {key or self.secret}"})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def ids(self, feed):
        return [product["product"] for product in feed["products"]]

    def alike(self, product, k=10):
        answer = self.ask("GET", f"/v1/products/{quote(product)}/similar?k={k}&metadata=false",
                          headers={"Authorization": f"Bearer {self.secret}"})
        return [one["product"] for one in answer.json["products"]]

    def event(self, kind, product, **more):
        return {"kind": kind, "product": product, **more}

    # ---- of whom nothing is known ----

    def test_of_every_kind(self):
        """Products were brought kind by kind, and yet a first answer is of many kinds."""
        kinds = {one["product"]: one["metadata"]["category"]
                 for one in self.secret_ask("GET", "/v1/products?limit=1000").json["products"]}
        for k, least in ((5, 3), (10, 5), (40, 8)):
            feed = self.feed("nobody", f"&k={k}")
            self.assertGreaterEqual(len({kinds[product] for product in self.ids(feed)}), least)
            self.assertEqual(len(set(self.ids(feed))), k)
        self.assertEqual(self.ids(self.feed("nobody")), self.ids(self.feed("nobody")))
        self.assertEqual(set(self.ids(self.feed("nobody", "&k=100"))), set(kinds))

    def test_each_is_shown_to_somebody(self):
        shown = {product for i in range(150) for product in self.ids(self.feed(f"passer-by {i}"))}
        self.assertGreaterEqual(len(shown), 0.9 * len(self.all))

    # ---- the loop ----

    def test_view_changes_the_next_answer(self):
        before, other = self.feed("first"), self.feed("somebody-else")
        self.assertEqual((len(before["products"]), before["tastes"]), (10, []))
        seed = self.all[5]
        self.assertEqual(self.bring(self.event("view", seed, user="first")).json["new"], 1)
        after = self.feed("first")
        self.assertEqual([taste["product"] for taste in after["tastes"]], [seed])
        self.assertEqual(after["tastes"][0]["importance"], 1)
        self.assertNotIn(seed, self.ids(after))
        self.assertEqual(set(self.ids(after)[:5]) - set(self.alike(seed, 15)), set())
        self.assertEqual([product["position"] for product in after["products"]], list(range(10)))
        self.assertEqual(after["products"][0]["sources"], ["taste", "recent"])
        self.assertEqual(self.ids(self.feed("somebody-else")), self.ids(other))

    def test_session(self):
        body = {"session": "x1", "k": 4}
        secret = {"Authorization": f"Bearer {self.public}"}
        before = self.ask("POST", "/v1/session/recommend", body, secret).json
        self.bring([self.event("click", self.all[7], session="x1")], self.public)
        after = self.ask("POST", "/v1/session/recommend", body, secret).json
        self.assertNotEqual(self.ids(before), self.ids(after))
        self.assertEqual(len(after["products"]), 4)
        self.assertEqual(self.ask("POST", "/v1/session/recommend", {}, secret).status, 200)

    def shown_to(self, **body):
        return self.ask("POST", "/v1/session/recommend", {"metadata": False, **body},
                        {"Authorization": f"Bearer {self.public}"})

    def reported(self):
        return sum(arm["answers"] for arm in self.secret_ask("GET", "/v1/scenarios/trying/report").json["arms"])

    def test_actions_that_are_not_stored(self):
        """Somebody of whom nothing is stored gets what a stored visitor of the same actions gets, and leaves no trace."""
        now = time.time() - 100
        did = [self.event(kind, product, time=now + i) for i, (kind, product) in enumerate(
            zip(("view", "click", "favourite", "purchase", "dismiss", "view"), self.all[::13]))]
        self.bring([{**action, "session": "stored"} for action in did])
        stored = self.shown_to(session="stored", k=20).json
        self.assertGreater(len(stored["tastes"]), 1)
        for order in (did, did[::-1]):
            given = self.shown_to(actions=order, k=20, log=False, scenario="trying").json
            self.assertEqual(self.ids(given), self.ids(stored))
            self.assertEqual([(taste["product"], taste["products"]) for taste in given["tastes"]],
                             [(taste["product"], taste["products"]) for taste in stored["tastes"]])
        self.assertNotIn("rec_id", given)
        self.assertEqual(self.reported(), 0)
        self.assertIn("rec_id", self.shown_to(actions=did, scenario="trying").json)
        self.assertEqual(self.reported(), 1)

    def test_actions_beside_what_is_stored(self):
        self.bring(self.event("view", self.all[2], session="both"))
        other, stored = self.all[50], self.shown_to(session="both").json
        both = self.shown_to(session="both", actions=[self.event("purchase", other), self.event("view", "nobody-sells")],
                             log=False, k=1000).json
        self.assertEqual({taste["product"] for taste in both["tastes"]}, {self.all[2], other})
        self.assertNotIn(other, self.ids(both))
        after = self.shown_to(session="both").json
        self.assertEqual((self.ids(after), after["tastes"]), (self.ids(stored), stored["tastes"]))
        self.assertEqual(self.shown_to(actions=[], log=False).json["tastes"], [])

    def test_actions_of_one_moment(self):
        """Without times each is later than those before it."""
        did = [self.event("view", product) for product in self.all[::20]]
        for order in (did, did[::-1]):
            tastes = self.shown_to(actions=order, log=False).json["tastes"]
            self.assertEqual([taste["product"] for taste in tastes], [action["product"] for action in order[::-1]])

    def test_wrong_actions(self):
        fine = self.event("view", self.all[0])
        for field, action in (("actions[1].kind", self.event("like", self.all[0])),
                              ("actions[1].time", self.event("view", self.all[0], time=time.time() + 3600)),
                              ("actions[1].time", self.event("view", self.all[0], time="soon")),
                              ("actions[1].product", self.event("view", "a\nb"))):
            self.assertProblem(self.shown_to(actions=[fine, action]), 400, "invalid", field)
        self.assertProblem(self.shown_to(actions=[{**fine, "user": "me"}]), 400, "unknown-field", "actions[0].user")
        self.assertProblem(self.shown_to(actions=[fine] * 501), 400, "out-of-range", "actions")
        self.assertEqual(self.shown_to(actions=[fine] * 500).status, 200)

    def test_session_forgets_a_taste(self):
        public = {"Authorization": f"Bearer {self.public}"}
        self.bring([self.event("view", product, session="fickle") for product in (self.all[1], self.all[44])])
        before = {taste["product"] for taste in self.shown_to(session="fickle").json["tastes"]}
        self.assertEqual(before, {self.all[1], self.all[44]})
        gone = {"session": "fickle", "product": self.all[1]}
        self.assertEqual(self.ask("POST", "/v1/session/tastes:forget", gone, public).status, 204)
        self.assertEqual([taste["product"] for taste in self.shown_to(session="fickle").json["tastes"]], [self.all[44]])
        self.assertProblem(self.ask("POST", "/v1/session/tastes:forget", gone, public), 404, "not-found")
        self.assertProblem(self.ask("POST", "/v1/session/tastes:forget", {"product": "x"}, public), 400,
                           "missing-field", "session")

    def test_taste_of_what_is_not_public(self):
        hidden = self.all[33]
        secret = {"Authorization": f"Bearer {self.secret}"}
        made = self.ask("PATCH", f"/v1/products/{quote(hidden)}", {"metadata": {"public": False}}, secret)
        self.assertEqual(made.status, 200, made)
        self.addCleanup(self.ask, "PATCH", f"/v1/products/{quote(hidden)}", {"metadata": {"public": None}}, secret)
        for key, fields in ((self.public, False), (self.secret, True)):
            answer = self.ask("POST", "/v1/session/recommend", {"actions": [self.event("view", hidden)]},
                              {"Authorization": f"Bearer {key}"}).json
            self.assertEqual([taste["product"] for taste in answer["tastes"]], [hidden])
            self.assertEqual("title" in answer["tastes"][0]["metadata"], fields)

    def test_scrolling(self):
        """Pages go on without repeats, to the end, and only for the one whose answer it was."""
        public = {"Authorization": f"Bearer {self.public}"}
        self.bring(self.event("view", self.all[11], session="scroll"))
        page = self.ask("POST", "/v1/session/recommend", {"session": "scroll", "k": 9}, public).json
        shown = self.ids(page)
        while page["products"]:
            path = f"/v1/recommend/{page['rec_id']}:next"
            self.assertProblem(self.ask("POST", path, {"session": "other"}, public), 403, "forbidden", "session")
            page = self.ask("POST", path, {"session": "scroll", "k": 9}, public).json
            self.assertFalse(set(shown) & set(self.ids(page)))
            shown += self.ids(page)
        self.assertEqual(len(shown), len(set(shown)))
        self.assertGreaterEqual(len(shown), len(self.all) - 2)
        mine = self.feed("mine")["rec_id"]
        self.assertProblem(self.ask("POST", f"/v1/recommend/{mine}:next", {}, public), 403, "not-signed", "signature")
        self.assertEqual(len(self.secret_ask("POST", f"/v1/recommend/{mine}:next", {"k": 3}).json["products"]), 3)
        for none in ("r0000000000000", "nonsense", "rzzzzzzzzzzzzz"):
            self.assertProblem(self.secret_ask("POST", f"/v1/recommend/{none}:next", {}), 404, "not-found")

    def test_similar_is_logged_when_asked(self):
        public = {"Authorization": f"Bearer {self.public}"}
        path = f"/v1/products/{quote(self.all[30])}/similar?k=4"
        self.assertNotIn("rec_id", self.ask("GET", path, headers=public).json)
        answer = self.ask("GET", path + "&log=1&session=viewer&scenario=product-page", headers=public).json
        events = [self.event("impression", one["product"], session="viewer", rec_id=answer["rec_id"], position=i)
                  for i, one in enumerate(answer["products"])]
        events.append({**events[2], "kind": "click"})
        self.assertEqual(self.bring(events, self.public).json["new"], 5)
        report = self.secret_ask("GET", "/v1/scenarios/product-page/report").json["arms"][0]
        self.assertEqual((report["answers"], report["impressions"], report["clicks"]), (1, 4, 1))
        self.assertProblem(self.ask("GET", path + "&log=1&user=me", headers=public), 403, "not-signed", "signature")

    def test_explained(self):
        seeds = [self.all[5], self.all[60]]
        self.bring([self.event("view", seed, user="curious", time=time.time() - i) for i, seed in enumerate(seeds)])
        for product in self.feed("curious", "&explain=true")["products"]:
            why = product["explain"]
            self.assertTrue(why["parts"] and {part["because"] for part in why["parts"]} <= set(seeds), why)
            worth = sum((part["score"] / 100 * part["share"]) ** 0.5 for part in why["parts"]) ** 2
            self.assertAlmostEqual(why["worth"], worth, places=5)
            self.assertAlmostEqual(product["score"], max(part["score"] for part in why["parts"]), places=1)
            self.assertEqual(why["probability"], 1)
        self.assertNotIn("explain", self.feed("curious")["products"][0])

    def test_bought_and_turned_away_are_not_shown(self):
        seed = self.all[20]
        near = self.alike(seed, 6)
        self.bring([self.event("view", seed, user="buyer"), self.event("purchase", near[0], user="buyer", value=5,
                                                                       currency="EUR"),
                    self.event("dismiss", near[1], user="buyer"), self.event("view", near[2], user="buyer")])
        feed = self.ids(self.feed("buyer", "&k=1000"))
        self.assertEqual(len(feed), len(self.all) - 2)
        self.assertFalse({near[0], near[1]} & set(feed))
        self.assertEqual(set(feed[-2:]), {seed, near[2]})  # what was seen comes last, when nothing else is left
        self.assertEqual(self.feed("buyer", "&k=1000")["products"][-1]["sources"], ["seen"])
        self.assertEqual(len(set(feed)), len(feed))

    def test_conditions(self):
        self.bring(self.event("view", self.all[3], user="picky"))
        category = self.ask("GET", f"/v1/products/{quote(self.all[40])}",
                            headers={"Authorization": f"Bearer {self.secret}"}).json["metadata"]["category"]
        where = quote(f"category = '{category}'")
        feed = self.feed("picky", f"&k=50&where={where}")
        self.assertTrue(feed["products"])
        for product in self.ids(feed):
            answer = self.ask("GET", f"/v1/products/{quote(product)}", headers={"Authorization": f"Bearer {self.secret}"})
            self.assertEqual(answer.json["metadata"]["category"], category)
        out = self.ids(feed)[0]
        self.assertNotIn(out, self.ids(self.feed("picky", f"&k=50&where={where}&exclude={quote(out)}")))
        bad = self.ask("GET", "/v1/users/picky/recommend?where=nix", headers={"Authorization": f"Bearer {self.secret}"})
        self.assertEqual(bad.status, 400)

    def test_several_tastes(self):
        """Each taste that matters has its share of a short answer."""
        by_category = {}
        for product in self.all:
            by_category.setdefault(product.rsplit("-", 2)[0], []).append(product)
        chosen = sorted(by_category, key=lambda name: -len(by_category[name]))[:3]
        self.bring([self.event("click", product, user="three", time=time.time() - i)
                    for i, name in enumerate(chosen) for product in by_category[name][:2]])
        feed = self.feed("three", "&k=9")
        self.assertGreaterEqual(len(feed["tastes"]), 2)
        shown = {product["taste"] for product in feed["products"]}
        self.assertGreaterEqual(len(shown), min(3, len(feed["tastes"])))
        self.assertAlmostEqual(sum(taste["importance"] for taste in feed["tastes"]), 1, places=2)
        tastes = self.ask("GET", "/v1/users/three/tastes", headers={"Authorization": f"Bearer {self.secret}"}).json
        self.assertEqual(tastes["tastes"], self.ask("GET", "/v1/users/three/tastes", headers={
            "Authorization": f"Bearer {self.secret}"}).json["tastes"])
        self.assertEqual(tastes["products"], [])

    def test_what_is_kept_is_what_is_there(self):
        """What is near a product is kept for a while; what goes meanwhile is not shown, and how far it is asked for is met."""
        seed = self.all[9]
        self.bring(self.event("view", seed, user="keeper"))
        first = self.ids(self.feed("keeper", "&diversity=0"))
        photo = self.shop.photo(first[0])
        for i in range(3):
            self.assertLess(self.secret_ask("PUT", f"/v1/products/stand-in-{i}", {"metadata": {"category": "Dress", "colour": "red", "price": 9}}).status, 300)
            self.assertLess(self.ask("POST", f"/v1/products/stand-in-{i}/photos", photo,
                                     {"Authorization": f"Bearer {self.secret}", "Content-Type": "image/png"}).status, 300)
        self.assertEqual(self.secret_ask("DELETE", "/v1/products/stand-in-0").status, 204)
        self.assertEqual(len(self.ids(self.feed("keeper"))), 10)
        self.assertNotIn("stand-in-0", self.ids(self.feed("keeper", "&k=60")))  # more than is kept: searched for
        self.assertIn("stand-in-1", self.ids(self.feed("keeper", "&k=60")))
        where = f"id != '{first[0]}'"
        without = self.ids(self.feed("keeper", "&diversity=0&where=" + quote(where)))
        self.assertEqual([product for product in without if not product.startswith("stand-in")][:7], first[1:8])
        for i in (1, 2):
            self.assertEqual(self.secret_ask("DELETE", f"/v1/products/stand-in-{i}").status, 204)
        self.assertEqual(self.ids(self.feed("keeper", "&diversity=0")), first)

    def test_many_products(self):
        """Where there are many products what comes next is added to the tastes that are there."""
        now = time.time()
        old = self.all[:66]
        for first in range(0, len(old), 22):  # over several hours, of which each counts for so much
            self.bring([self.event("view", product, user="collector", time=now - 86400 * 3 - i * 600)
                        for i, product in enumerate(old[first:first + 22], first)])
        before = self.feed("collector")["tastes"]
        self.assertGreater(len(before), 1)
        for product in (before[-1]["product"], self.all[67]):
            self.bring(self.event("purchase", product, user="collector", time=now, value=1))
            after = self.feed("collector")["tastes"]
            self.assertAlmostEqual(sum(taste["importance"] for taste in after), 1, delta=0.02)
            self.assertEqual(max(taste["newest"] for taste in after), round(now * 1000) / 1000)
            now += 1
        mine = next(taste for taste in after if taste["product"] == before[-1]["product"])
        self.assertGreater(mine["importance"], before[-1]["importance"])
        self.assertGreater(mine["products"], before[-1]["products"])

    def test_metadata_comes_when_it_is_asked_for(self):
        self.bring(self.event("view", self.all[3], user="bare"))
        for query, wanted in (("", True), ("?metadata=false", False), ("", True)):
            feed = self.secret_ask("GET", "/v1/users/bare/recommend" + query).json
            self.assertEqual({"metadata" in one for one in feed["products"] + feed["tastes"]}, {wanted})
        self.assertIn("metadata", self.secret_ask("GET", "/v1/users/bare/tastes").json["tastes"][0])

    # ---- programs ----

    def test_who_clicks_everything_is_bounded_and_told(self):
        there = self.shop.ids({"Authorization": f"Bearer {self.secret}"})
        bot = [self.event("click", product, session="crawler") for product in there] * 3
        statuses = [one["status"] for first in range(0, len(bot), 100)
                    for one in self.bring([event | {"time": time.time(), "id": f"c{first}-{i}"} for i, event in enumerate(bot[first:first + 100])],
                                          self.public).json["events"]]
        self.assertEqual(set(statuses), {"new", "over"})
        self.assertLessEqual(statuses.count("new"), 2 * 200)  # of an hour, or of the two that a test may lie in
        self.assertGreater(statuses.count("over"), 0)
        told = self.secret_ask("GET", "/v1/visitors:over").json["visitors"]
        mine = next(one for one in told if one.get("session") == "crawler")
        self.assertEqual(mine["events"], statuses.count("over"))
        self.assertLess(abs(mine["last"] - time.time()), 60)
        self.assertEqual(self.ask("GET", "/v1/visitors:over", headers={"Authorization": f"Bearer {self.public}"}).status, 403)

    # ---- events ----

    def test_each_once(self):
        now = time.time()
        events = [self.event("view", product, user="again", time=now - i) for i, product in enumerate(self.all[:20])]
        self.assertEqual(self.bring(events).json["new"], 20)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.bring(events).json, range(16)))
        self.assertEqual({(answer["new"], answer["known"]) for answer in answers}, {(0, 20)})

    def test_many_at_once(self):
        def one(i):
            return self.bring(self.event("view", self.all[i % 70], user=f"crowd{i}", id=f"e{i}")).json["new"]
        with ThreadPoolExecutor(16) as pool:
            self.assertEqual(sum(pool.map(one, range(200))), 200)

    def test_wrong_ones_cost_themselves(self):
        good = self.event("view", self.all[0], user="mixed")
        answer = self.bring([good, {"kind": "buy"}, self.event("view", "nix", user="mixed"), 7,
                             self.event("view", self.all[1], user="mixed", time=time.time() + 3600),
                             self.event("view", self.all[1], user="mixed", position=3)])
        self.assertEqual(answer.status, 200)
        self.assertEqual([(one["status"], one.get("field")) for one in answer.json["events"]],
                         [("new", None), ("refused", "kind"), ("refused", "product"), ("refused", "event"),
                          ("refused", "time"), ("refused", "position")])
        self.assertEqual((answer.json["new"], answer.json["refused"]), (1, 5))

    def test_too_much(self):
        event = self.event("view", self.all[0], user="much")
        self.assertProblem(self.bring([event] * 1001), 413, "over-limit")
        sent = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        self.assertEqual(self.ask("POST", "/v1/events", b"[1", sent).status, 400)
        self.assertProblem(self.ask("POST", "/v1/events", b'"text"', sent), 400, "invalid")
        self.assertEqual(self.bring([]).json["events"], [])
        self.assertEqual(self.ask("POST", "/v1/events", b"[" + b" " * (2 << 20) + b"]", sent).status, 413)

    def test_one_visitor_is_bounded(self):
        now = time.time()
        answer = self.bring([self.event("click", self.all[9], user="bot", time=now - i / 1000) for i in range(1000)])
        self.assertLessEqual(answer.json["new"], 6)  # three an hour, and the hour may turn
        self.assertEqual(answer.json["new"] + answer.json["over"], 1000)
        self.assertEqual([taste["product"] for taste in self.feed("bot")["tastes"]], [self.all[9]])

    def test_gone(self):
        """What was done with a product that is gone counts for nothing, and is no fault."""
        self.shop.run("remove", self.all[79])
        secret = {"Authorization": f"Bearer {self.secret}"}
        self.bring(self.event("view", self.all[78], user="late"))
        self.assertEqual(self.ask("DELETE", f"/v1/products/{quote(self.all[78])}", headers=secret).status, 204)
        feed = self.feed("late")
        self.assertEqual((feed["tastes"], len(feed["products"])), ([], 10))

    # ---- what is known of a user ----

    def test_a_taste_is_forgotten(self):
        seeds = [self.all[5], self.all[60]]
        self.bring([self.event("view", seed, user="moody") for seed in seeds])
        before = [taste["product"] for taste in self.feed("moody")["tastes"]]
        self.assertEqual(sorted(before), sorted(seeds))
        path = f"/v1/users/moody/tastes/{quote(seeds[0])}"
        self.assertEqual(self.secret_ask("DELETE", path).status, 204)
        after = self.feed("moody", "&k=1000")
        self.assertEqual([taste["product"] for taste in after["tastes"]], [seeds[1]])
        self.assertIn(seeds[0], self.ids(after)[-2:])  # it was seen all the same
        self.assertProblem(self.secret_ask("DELETE", path), 404, "not-found")
        self.bring(self.event("click", seeds[0], user="moody", time=time.time() + 1))
        self.assertIn(seeds[0], [taste["product"] for taste in self.feed("moody")["tastes"]])

    def test_a_session_becomes_a_user(self):
        until = int(time.time()) + 600
        self.bring([self.event("view", self.all[8], session="before")], self.public)
        body = {"session": "before", "user": "signed-in"}
        public = {"Authorization": f"Bearer {self.public}"}
        self.assertProblem(self.ask("POST", "/v1/users:merge", body, public), 403, "not-signed", "signature")
        signature = self.sign("signed-in", until)
        self.assertEqual(self.ask("POST", f"/v1/users:merge?signature={signature}", body, public).status, 204)
        self.assertEqual([taste["product"] for taste in self.feed("signed-in")["tastes"]], [self.all[8]])
        self.bring([self.event("view", self.all[50], session="before")], self.public)
        self.assertEqual(len(self.feed("signed-in")["tastes"]), 2)

    def test_erasure(self):
        self.bring([self.event("view", product, user="private") for product in self.all[:5]])
        rec = self.feed("private")["rec_id"]
        export = self.secret_ask("GET", "/v1/users/private/export").json
        self.assertEqual(sorted(event["product"] for event in export["events"]), sorted(self.all[:5]))
        self.assertEqual((len(export["events"]), [answer["rec_id"] for answer in export["answers"]]), (5, [rec]))
        self.assertEqual(len(export["answers"][0]["products"]), 10)
        self.assertEqual(self.ask("DELETE", "/v1/users/private", headers={"Authorization": f"Bearer {self.public}"}).status, 403)
        receipt = self.secret_ask("DELETE", "/v1/users/private").json
        removed = {place["place"]: place["removed"] for place in receipt["places"]}
        self.assertEqual((receipt["known"], removed["events"], removed["log of answers"], removed["names"]), (True, 5, 1, 1))
        self.assertEqual(self.secret_ask("GET", "/v1/users/private/export").json, {"events": [], "answers": []})
        self.assertEqual(self.feed("private")["tastes"], [])
        self.secret_ask("DELETE", "/v1/users/private")  # the answer just now was logged
        with open(os.path.join(self.shop.catalogue, "audit.jsonl"), encoding="utf-8") as file:
            erased = [json.loads(line) for line in file if '"eraseUser"' in line]
        digest = hashlib.sha256(b"private").hexdigest()
        self.assertEqual([(entry["user_sha256"], entry["products"]) for entry in erased], [(digest, [])] * len(erased))
        self.assertGreaterEqual(len(erased), 2)
        self.assertFalse(self.secret_ask("DELETE", "/v1/users/private").json["known"])

    # ---- who may ----

    def sign(self, user, until):
        digest = hmac.new(hashlib.sha256(self.secret.encode()).digest(), f"{user}\n{until}".encode(), "sha256")
        return f"{until}.{digest.hexdigest()}"

    def test_publishable_keys(self):
        until = int(time.time()) + 600
        public = {"Authorization": f"Bearer {self.public}"}
        good, other, over = self.sign("me", until), self.sign("you", until), self.sign("me", until - 1200)
        path = "/v1/users/me/recommend?k=3"
        self.assertProblem(self.ask("GET", path, headers=public), 403, "not-signed", "signature")
        for bad in (other, over, good[:-1] + ("0" if good[-1] != "0" else "1"), f"{until + 1}{good[good.index('.'):]}"):
            self.assertProblem(self.ask("GET", f"{path}&signature={bad}", headers=public), 403, "not-signed", "signature")
            self.assertProblem(self.ask("GET", f"/v1/users/me/tastes?signature={bad}", headers=public), 403,
                               "not-signed", "signature")
        self.assertEqual(self.ask("GET", f"{path}&signature={good}", headers=public).status, 200)
        event = self.event("view", self.all[2], user="me")
        for query in ("", f"?user=me&signature={other}", f"?user=you&signature={other}", f"?user=me&signature={over}"):
            self.assertEqual(self.bring(event, self.public, query).json["refused"], 1, query)
        self.assertEqual(self.feed("me")["tastes"], [])
        self.assertEqual(self.bring(event, self.public, f"?user=me&signature={good}").json["new"], 1)
        self.assertEqual(len(self.feed("me")["tastes"]), 1)
        self.assertEqual(self.ask("GET", path).status, 401)

    # ---- from pages of elsewhere, whose browsers ask nothing first ----

    def beacon(self, body, key, origin="https://shop.example", path="/v1/events", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", f"{path}?key={key}", data,
                        {"Content-Type": "text/plain;charset=UTF-8", "Origin": origin, **headers})

    def test_beacons(self):
        paged = self.shop.key("publishable", "--origin", "https://shop.example")
        event = self.event("click", self.all[33], session="beacon", id="once")
        for key, told in ((self.public, "new"), (paged, "known")):
            answer = self.beacon([event], key)
            self.assertEqual((answer.status, answer.json[told]), (200, 1), answer)
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://shop.example")
        feed = self.beacon({"session": "beacon", "k": 3}, paged, path="/v1/session/recommend")
        self.assertEqual([taste["product"] for taste in feed.json["tastes"]], [self.all[33]])
        self.assertProblem(self.beacon([event], paged, "https://other.example"), 403, "origin-not-allowed")
        for key in ("nk_pub_" + "A" * 43, self.secret, ""):
            self.assertProblem(self.beacon([event], key), 401, "unauthorized")
        for bad, status, code in ((b"kind=click", 400, "malformed-json"), (b"[{]", 400, "malformed-json"),
                                  (b"7", 400, "invalid"), (b"", 400, "missing-body"),
                                  (b"[" + b" " * (1 << 20) + b"]", 413, "body-too-large"),
                                  (json.dumps([event] * 1001).encode(), 413, "over-limit")):
            self.assertProblem(self.beacon(bad, self.public), status, code)
        # What signed in with a cookie is no page of elsewhere: it says so with every write, of this type too.
        signed = self.ask("POST", "/v1/session", {"key": self.secret})
        cookie = {"Cookie": signed.headers["Set-Cookie"].split(";")[0], "Content-Type": "text/plain"}
        body = json.dumps([{**event, "id": "forged"}]).encode()
        self.assertProblem(self.ask("POST", "/v1/events", body, cookie), 403, "csrf")
        token = {"X-CSRF-Token": signed.json["csrf"]}
        self.assertEqual(self.ask("POST", "/v1/events", body, {**cookie, **token}).json["new"], 1)
        # All other addresses take JSON by its own name only.
        self.assertProblem(self.beacon({"like": [self.all[1]]}, self.public, path="/v1/recommend"), 415, "unsupported-media-type")


class Arms(ShopTest):
    """Some visitors always get the visual order, and some answers are drawn by chance."""
    count = 80
    settings = ("control_percent=30", "random_percent=50")

    def feed(self, user, k=5):
        return self.ask("GET", f"/v1/users/{user}/recommend?k={k}&metadata=false").json

    def test_arms(self):
        seed = self.shop.ids()[0]
        users = [f"u{i}" for i in range(100)]
        for user in users:
            self.ask("POST", "/v1/events", {"kind": "view", "product": seed, "user": user})
        arms = {user: {self.feed(user)["arm"] for _ in range(6)} for user in users}
        control = [user for user in users if arms[user] == {"control"}]
        self.assertTrue(12 <= len(control) <= 50, len(control))  # 30 of 100, five deviations
        self.assertTrue(all("control" not in arms[user] for user in users if user not in control))
        self.assertIn({"personal", "random"}, arms.values())
        alike = [one["product"] for one in self.ask("GET", f"/v1/products/{quote(seed)}/similar?k=5").json["products"]]
        self.assertEqual([one["product"] for one in self.feed(control[0])["products"]], alike)
        drawn = []
        other = next(user for user in users if user not in control)
        while len(drawn) < 3:
            feed = self.feed(other)
            if feed["arm"] == "random":
                drawn.append(tuple(one["product"] for one in feed["products"]))
        self.assertEqual({len(set(feed)) for feed in drawn}, {5})
        self.assertGreater(len(set(drawn)), 1)

    def test_chance_draws_for_who_is_new(self):
        feeds = [feed for feed in (self.feed(f"new-{i}") for i in range(60)) if feed["arm"] == "random"]
        self.assertGreater(len(feeds), 5)
        self.assertGreater(len({tuple(one["product"] for one in feed["products"]) for feed in feeds}), len(feeds) / 2)
        self.assertGreater(len({one["product"] for feed in feeds for one in feed["products"]}), 15)
        body = {"k": 5, "metadata": False, "explain": True}
        while (feed := self.ask("POST", "/v1/session/recommend", body).json)["arm"] != "random":
            pass
        self.assertEqual({round(one["explain"]["probability"], 6) for one in feed["products"]}, {1 / 50})

    def test_answers_have_ids(self):
        recs = [self.feed("one")["rec_id"] for _ in range(50)]
        self.assertEqual(len(set(recs)), 50)
        self.assertTrue(all(len(rec) == 14 for rec in recs))


class Report(ShopTest):
    """What came of answers, by arm and by place."""
    count = 60
    settings = ("control_percent=50", "random_percent=0")

    def report(self, scenario, days=30):
        return self.ask("GET", f"/v1/scenarios/{scenario}/report?days={days}").json

    def test_counts(self):
        seed = self.shop.ids()[0]
        seen, shown, clicked = {"personal": [0, 0], "control": [0, 0]}, set(), set()
        for i in range(40):
            user = f"r{i}"
            self.ask("POST", "/v1/events", {"kind": "view", "product": seed, "user": user})
            feed = self.ask("GET", f"/v1/users/{user}/recommend?k=5&scenario=home&metadata=false").json
            events = [{"kind": "impression", "product": one["product"], "user": user, "rec_id": feed["rec_id"],
                       "position": one["position"]} for one in feed["products"]]
            if i % 4:
                events.append({**events[i % 5], "kind": "click"})
                events.append({"kind": "purchase", "product": events[i % 5]["product"], "user": user, "value": 2.5,
                               "currency": "EUR"})
                seen[feed["arm"]][1] += 1
            seen[feed["arm"]][0] += 1
            shown |= {one["product"] for one in events if one["kind"] == "impression"}
            clicked |= {one["product"] for one in events if one["kind"] == "click"}
            self.assertEqual(self.ask("POST", "/v1/events", events).json["new"], len(events))
        report = self.report("home")
        self.assertEqual([arm["arm"] for arm in report["arms"]], ["personal", "control", "random", "none"])
        for arm in report["arms"][:2]:
            answers, clicks = seen[arm["arm"]]
            self.assertEqual((arm["answers"], arm["impressions"], arm["clicks"], arm["purchases"]),
                             (answers, 5 * answers, clicks, clicks))
            self.assertAlmostEqual(arm["ctr"]["value"], clicks / (5 * answers))
            self.assertTrue(arm["ctr"]["low"] < arm["ctr"]["value"] < arm["ctr"]["high"])
            self.assertAlmostEqual(arm["per_1000_answers"]["clicks"]["value"], 1000 * clicks / answers)
            self.assertEqual(arm["revenue"], {"EUR": 2.5 * clicks})
            self.assertAlmostEqual(arm["per_1000_answers"]["revenue"]["EUR"], 2500 * clicks / answers)
        one, other = (seen[arm][1] / seen[arm][0] for arm in ("personal", "control"))
        over = report["personal_over_control"]["clicks"]
        self.assertAlmostEqual(over["value"], one / other)
        self.assertTrue(over["low"] < over["value"] < over["high"])
        self.assertEqual([place["impressions"] for place in report["positions"]], [40] * 5)
        self.assertEqual(sum(place["clicks"] for place in report["positions"]), 30)
        self.assertEqual(sum(day["clicks"] for day in report["days"]), 30)
        self.assertEqual(report["coverage"], {"products": 60, "shown": len(shown), "clicked": len(clicked)})
        self.assertEqual(self.report("nowhere")["coverage"], report["coverage"])  # it is over all scenarios
        self.ask("POST", "/v1/events", {"kind": "click", "product": seed, "session": "x", "scenario": "named-only"})
        self.ask("PUT", "/v1/scenarios/quiet", {"k": 3})
        listed = self.ask("GET", "/v1/scenarios?reported=true").json
        self.assertEqual([one["scenario"] for one in listed["scenarios"]], ["quiet"])
        self.assertEqual([one for one in listed["reported"] if one["scenario"] in ("home", "named-only", "quiet")],
                         [{"scenario": "home", "answers": 40}, {"scenario": "named-only", "answers": 0}])
        self.assertNotIn("reported", self.ask("GET", "/v1/scenarios").json)
        self.assertEqual(self.report("nowhere")["arms"][0]["answers"], 0)
        self.assertIsNone(self.report("nowhere")["arms"][0]["ctr"])

    def test_real_logs(self):
        """The rates by place are those of a direct count."""
        folder = os.path.join(os.environ.get("NITERU_SHARED", "/none"), "data/open-bandit")
        if not os.path.isdir(folder):
            self.skipTest(f"{folder} is not there")
        self.shop.run("events", "retention", "off")
        for policy in ("random", "bts"):
            place = os.path.join(folder, policy, "women")
            with open(os.path.join(place, "items.csv"), encoding="utf-8") as file:
                products = [{"product": row["item_id"], "metadata": {}} for row in csv.DictReader(file)]
            self.assertEqual(self.ask("POST", "/v1/products:batch", {"products": products}).status, 200)
            self.shop.run("events", "import", os.path.join(place, "log.csv"), "--map", "product=item_id", "--map",
                          "time=timestamp", "--set", "kind=impression", "--also", "click=click", "--position-base", "1",
                          "--row-sessions", "--set", f"scenario={policy}")
            counts = {}
            with open(os.path.join(place, "log.csv"), encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    count = counts.setdefault(int(row["position"]) - 1, [0, 0])
                    count[0] += 1
                    count[1] += int(row["click"])
            report = self.report(policy, 0)
            self.assertEqual([[place["impressions"], place["clicks"]] for place in report["positions"]],
                             [counts[position] for position in range(3)])
            for place in report["positions"]:
                seen, clicks = counts[place["position"]]
                self.assertAlmostEqual(place["ctr"]["value"], clicks / seen)
        self.shop.run("events", "retention", "400")
        self.assertEqual(self.report("random", 0)["positions"], [])


class Stopped(unittest.TestCase):
    def test_kept(self):
        """What was acknowledged is there after a kill, and the tastes are the same."""
        shop = Shop(20, ("control_percent=0", "random_percent=0")).start()
        try:
            for product in shop.ids()[:4]:
                self.assertEqual(shop.ask("POST", "/v1/events", {"kind": "view", "product": product, "user": "1"}).json["new"], 1)
            before = shop.ask("GET", "/v1/users/1/recommend").json
            shop.stop(9)
            shop.start()
            after = shop.ask("GET", "/v1/users/1/recommend").json
            self.assertEqual([one["product"] for one in before["tastes"]], [one["product"] for one in after["tastes"]])
            self.assertEqual([one["product"] for one in before["products"]], [one["product"] for one in after["products"]])
        finally:
            shop.close()


if __name__ == "__main__":
    unittest.main()
