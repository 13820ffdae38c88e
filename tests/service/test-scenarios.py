# SPDX-License-Identifier: Apache-2.0
"""What is recommended in which place of the shop: rules, versions, and trying them before anybody sees them."""
import json
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from shop import KeyedShopTest, quote


class Scenarios(KeyedShopTest):
    count = 120
    settings = ("publishable_rate=100000", "control_percent=0", "random_percent=0")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        listed = cls.shop.ask("GET", "/v1/products?limit=1000", headers={"Authorization": f"Bearer {cls.secret}"})
        cls.all = {product["product"]: product["metadata"] for product in listed.json["products"]}

    def put(self, name, settings, query=""):
        answer = self.secret_ask("PUT", f"/v1/scenarios/{name}{query}", settings)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def feed(self, scenario, actions=(), **more):
        body = {"scenario": scenario, "log": False, "actions": [{"kind": kind, "product": product} for kind, product in actions], **more}
        answer = self.secret_ask("POST", "/v1/session/recommend", body, self.public)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def ids(self, feed):
        return [product["product"] for product in feed["products"]]

    def field(self, feed, name):
        return [self.all[product][name] for product in self.ids(feed)]

    def of(self, category):
        return [product for product, metadata in self.all.items() if metadata["category"] == category]

    def liking(self, *categories):
        return [("click", self.of(category)[0]) for category in categories]

    def refused(self, settings, field):
        answer = self.secret_ask("PUT", "/v1/scenarios/refused", settings)
        self.assertEqual(answer.status, 400, (settings, answer))
        self.assertEqual(answer.json["field"], field, answer.json)
        self.assertEqual(self.secret_ask("GET", "/v1/scenarios/refused").status, 404)

    # ---- settings ----

    def test_settings_are_for_who_does_not_say(self):
        self.put("small", {"k": 3, "where": "category = 'Dress'"})
        self.assertEqual(set(self.field(self.feed("small"), "category")), {"Dress"})
        self.assertEqual(len(self.feed("small")["products"]), 3)
        self.assertEqual(len(self.feed("small", k=5)["products"]), 5)
        self.assertEqual(self.feed("small")["scenario_version"], 1)
        self.assertEqual(self.feed("other")["scenario_version"], 0)
        self.assertEqual(len(self.feed("other")["products"]), 10)
        both = self.feed("small", where="colour = 'red'", k=50)
        self.assertEqual({(self.all[one]["category"], self.all[one]["colour"]) for one in self.ids(both)}, {("Dress", "red")})

    def test_sources_are_switched_off(self):
        liked = self.liking("Dress")
        self.assertIn("taste", self.feed("as-usual", liked)["products"][0]["sources"])
        self.put("no-taste", {"sources": {"taste": 0, "recent": 0}})
        self.assertEqual({source for one in self.feed("no-taste", liked)["products"] for source in one["sources"]} & {"taste", "recent"}, set())
        self.put("nothing", {"sources": {source: 0 for source in ("popular", "new", "any", "seen")}})
        self.assertEqual(self.feed("nothing")["products"], [])
        self.assertEqual(len(self.feed("nothing", liked)["products"]), 10)

    def test_places_are_kept(self):
        self.put("news", {"places": {"new": 3}})
        shown = self.feed("news", self.liking("Dress"))["products"]
        self.assertEqual(len(shown), 10)
        self.assertGreaterEqual(sum("new" in one["sources"] for one in shown), 3)
        self.assertLess(sum("new" in one["sources"] for one in self.feed("usual", self.liking("Dress"))["products"]), 3)
        self.assertIn("taste", shown[0]["sources"])

    # ---- rules ----

    def test_hide(self):
        self.put("hide", {"rules": [{"rule": "hide", "where": "category = 'Dress'"}]})
        for feed in (self.feed("hide", k=120), self.feed("hide", self.liking("Dress"), k=120)):
            self.assertEqual(set(self.ids(feed)) & set(self.of("Dress")), set())
            self.assertGreater(len(feed["products"]), 50)

    def test_pins(self):
        liked, pinned = self.liking("Dress"), self.of("Lamp")[:2]
        before = self.ids(self.feed("usual", liked))
        self.put("pin", {"rules": [{"rule": "pin", "products": pinned, "position": 2}]})
        after = self.feed("pin", liked)
        self.assertEqual(self.ids(after)[2:4], pinned)
        self.assertEqual(self.ids(after)[:2] + self.ids(after)[4:], before[:8])
        self.assertEqual([(one["sources"], one["rules"]) for one in after["products"][2:4]], [(["pinned"], [0])] * 2)
        self.assertEqual(self.ids(self.feed("pin", [("purchase", pinned[0])]))[2], pinned[1])  # who has it needs none
        self.assertEqual([product for product in self.ids(self.feed("pin", where="category = 'Dress'")) if product in pinned], [])
        # Two rules for one place: the later one gets the next.
        self.put("pin", {"rules": [{"rule": "pin", "products": [pinned[1]]}, {"rule": "pin", "products": [pinned[0]]}]})
        self.assertEqual(self.ids(self.feed("pin", liked))[:2], [pinned[1], pinned[0]])
        # Further down than there is anything.
        self.put("pin", {"k": 3, "rules": [{"rule": "pin", "products": pinned, "position": 900}]})
        self.assertEqual(self.ids(self.feed("pin", liked))[1:], pinned)

    def test_boost_and_bury(self):
        liked = self.liking("Dress", "Lamp")
        usual = self.feed("usual", liked, k=20)
        colour = self.field(usual, "colour")[-1]
        where = f"colour = '{colour}'"
        def count(name):
            return self.field(self.feed(name, liked), "colour").count(colour)
        self.put("boost", {"rules": [{"rule": "boost", "where": where, "by": 20}]})
        self.put("bury", {"rules": [{"rule": "bury", "where": where, "by": 20}]})
        self.assertGreater(count("boost"), count("usual"))
        self.assertLessEqual(count("bury"), count("usual"))
        boosted = self.feed("boost", liked)["products"]
        self.assertEqual({tuple(one.get("rules", [])) for one in boosted if self.all[one["product"]]["colour"] == colour}, {(0,)})
        self.assertEqual({one["taste"] for one in boosted}, {0, 1})  # tastes keep their places

    def test_share_and_cap(self):
        liked = self.liking("Dress")
        self.put("share", {"rules": [{"rule": "share", "where": "category = 'Lamp'", "share": 0.3}]})
        shown = self.field(self.feed("share", liked), "category")
        self.assertEqual((len(shown), shown.count("Lamp")), (10, 3))
        self.assertNotEqual(shown[-3:], ["Lamp"] * 3)  # they are spread
        self.put("cap", {"rules": [{"rule": "cap", "field": "colour", "most": 2}]})
        colours = self.field(self.feed("cap", liked), "colour")
        self.assertEqual(len(colours), 10)
        self.assertLessEqual(max(colours.count(colour) for colour in colours), 2)
        self.put("cap", {"rules": [{"rule": "cap", "where": "category = 'Dress'", "most": 1}]})
        self.assertEqual(self.field(self.feed("cap", liked), "category").count("Dress"), 1)
        # Caps give way before places stay empty, and that is said.
        self.put("cap", {"where": "category = 'Dress'", "k": 6, "rules": [{"rule": "cap", "field": "category", "most": 2}]})
        feed = self.feed("cap", liked)
        self.assertEqual(len(feed["products"]), 6)
        self.assertIn("caps gave way", feed["notes"][0])
        # A share of what is not there, likewise.
        self.put("share", {"where": "category = 'Dress'", "rules": [{"rule": "share", "where": "category = 'Lamp'", "share": 1}]})
        feed = self.feed("share", liked)
        self.assertEqual(len(feed["products"]), 10)
        self.assertIn("rules[0]", feed["notes"][0])

    def test_rules_have_a_time(self):
        hide = {"rule": "hide", "where": "category = 'Dress'"}
        now = time.time()
        for times, hidden in (({"from": now + 3600}, False), ({"until": now - 3600}, False), ({"from": now - 60, "until": now + 3600}, True),
                              ({"off": True}, False), ({"from": "2020-01-01T00:00:00Z"}, True)):
            self.put("times", {"rules": [hide | times]})
            shown = self.field(self.feed("times", self.liking("Dress")), "category")
            self.assertEqual("Dress" not in shown, hidden, times)
        tried = self.secret_ask("POST", "/v1/scenarios/times:preview", {"settings": {"rules": [hide | {"from": now + 3600}]}, "at": now + 7200, "k": 100}).json
        self.assertNotIn("Dress", [one["metadata"]["category"] for one in tried["after"]["products"]])

    def test_after_purchase(self):
        bought = self.of("Dress")[0]
        self.secret_ask("PUT", "/v1/products/twin", {"metadata": {"category": "Dress", "colour": "none", "price": 5}})
        photo = self.ask("POST", "/v1/products/twin/photos", self.shop.photo(bought), {"Authorization": f"Bearer {self.secret}", "Content-Type": "image/png"})
        self.assertLess(photo.status, 300, photo)
        def scores(name):
            alike = self.secret_ask("GET", f"/v1/products/{quote(bought)}/similar?k=130&metadata=false").json["products"]
            near = {one["product"]: one["score"] for one in alike}
            return [near[product] for product in self.ids(self.feed(name, [("purchase", bought)]))]
        self.assertGreaterEqual(max(scores("usual")), 90)
        self.put("complement", {"after_purchase": "complement"})
        self.put("no-same", {"after_purchase": "hide-near-identical"})
        self.assertLess(max(scores("no-same")), 90)
        self.assertLess(max(scores("complement")), 75)
        self.assertEqual(len(scores("complement")), 10)
        self.secret_ask("DELETE", "/v1/products/twin")

    def test_all_is_forbidden(self):
        answer = self.put("none", {"rules": [{"rule": "hide", "where": "price > 0 or price is missing"}, {"rule": "pin", "products": [self.of("Dress")[0]]}]})
        self.assertTrue(any("let no product through" in one for one in answer["warnings"]), answer)
        self.assertTrue(any("not pinned" in one for one in answer["warnings"]), answer)
        feed = self.feed("none", self.liking("Dress"))
        self.assertEqual(feed["products"], [])
        self.assertTrue(any("let no product through" in one for one in feed["notes"]))

    def test_contradictions_are_told(self):
        dress, shoe = "category = 'Dress'", "category = 'Lamp'"
        for rules, warning in (([{"rule": "boost", "where": dress, "by": 2}, {"rule": "bury", "where": dress, "by": 2}], "contradicts rules[0]"),
                               ([{"rule": "hide", "where": dress}, {"rule": "share", "where": dress, "share": 0.5}], "contradicts rules[0]"),
                               ([{"rule": "share", "where": dress, "share": 0.7}, {"rule": "share", "where": shoe, "share": 0.7}], "more than all places"),
                               ([{"rule": "pin", "products": ["nowhere"]}], "not pinned"),
                               ([{"rule": "boost", "where": "colour = 'nosuch'", "by": 2}], "no product matches"),
                               ([{"rule": "hide", "where": dress, "until": 1000000000}], "its time is over")):
            said = self.put("odd", {"rules": rules})["warnings"]
            self.assertTrue(any(warning in one for one in said), (rules, said))
            self.assertEqual(len(self.feed("odd", self.liking("Dress", "Lamp"))["products"]), 10)
        self.assertEqual(self.put("odd", {"rules": [{"rule": "boost", "where": dress, "by": 2}]})["warnings"], [])

    # ---- versions ----

    def test_versions(self):
        self.assertEqual(self.secret_ask("GET", "/v1/scenarios/v").status, 404)
        self.assertEqual(self.secret_ask("DELETE", "/v1/scenarios/v").status, 404)
        self.assertEqual(self.secret_ask("PUT", "/v1/scenarios/v?if_version=3", {"k": 2}).status, 412)
        self.assertEqual(self.put("v", {"k": 2}, "?if_version=0")["version"], 1)
        self.assertEqual(self.put("v", {"k": 3}, "?if_version=1")["version"], 2)
        self.assertEqual(self.secret_ask("PUT", "/v1/scenarios/v?if_version=1", {"k": 4}).status, 412)
        now = self.secret_ask("GET", "/v1/scenarios/v").json
        self.assertEqual((now["scenario"], now["version"], now["settings"]), ("v", 2, {"k": 3}))
        self.assertLess(abs(now["changed"] - time.time()), 60)
        self.assertEqual(self.secret_ask("DELETE", "/v1/scenarios/v").status, 204)
        self.assertEqual(len(self.feed("v")["products"]), 10)
        self.assertEqual(self.secret_ask("GET", "/v1/scenarios/v").status, 404)
        versions = self.secret_ask("GET", "/v1/scenarios/v/versions").json["versions"]
        self.assertEqual([(one["version"], one["settings"]) for one in versions], [(3, None), (2, {"k": 3}), (1, {"k": 2})])
        self.assertEqual(self.put("v", versions[2]["settings"])["version"], 4)  # taken back
        self.assertEqual(len(self.feed("v")["products"]), 2)
        self.assertIn("v", [one["scenario"] for one in self.secret_ask("GET", "/v1/scenarios").json["scenarios"]])
        for k in range(1, 121):
            self.put("many", {"k": k})
        versions = self.secret_ask("GET", "/v1/scenarios/many/versions").json["versions"]
        self.assertEqual([one["version"] for one in versions], list(range(120, 20, -1)))

    def test_two_who_change_it_at_once(self):
        self.put("race", {"k": 1})
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda k: self.secret_ask("PUT", "/v1/scenarios/race?if_version=1", {"k": k}).status, range(2, 10)))
        self.assertEqual(sorted(answers), [200] + [412] * 7)

    def test_what_is_served_is_the_newest(self):
        for k in (1, 2, 3, 4, 5):
            self.put("newest", {"k": k})
            self.assertEqual(len(self.feed("newest")["products"]), k)

    # ---- trying ----

    def test_preview(self):
        liked = [{"kind": kind, "product": product} for kind, product in self.liking("Dress")]
        pinned = self.of("Lamp")[0]
        settings = {"rules": [{"rule": "pin", "products": [pinned]}]}
        before = self.ids(self.feed("preview", self.liking("Dress")))
        tried = self.secret_ask("POST", "/v1/scenarios/preview:preview", {"settings": settings, "actions": liked}).json
        self.assertEqual([one["product"] for one in tried["before"]["products"]], before)
        self.assertEqual([one["product"] for one in tried["after"]["products"]], [pinned] + before[:9])
        self.assertEqual(tried["changes"][0], {"product": pinned, "before": None, "after": 0})
        self.assertIn({"product": before[0], "before": 0, "after": 1}, tried["changes"])
        self.assertIn({"product": before[9], "before": 9, "after": None}, tried["changes"])
        self.assertEqual(tried["warnings"], [])
        self.assertIn("url", tried["after"]["products"][0]["photo"])
        self.assertNotIn("rec_id", tried["after"])
        self.assertEqual(self.secret_ask("GET", "/v1/scenarios/preview").status, 404)
        report = self.secret_ask("GET", "/v1/scenarios/preview/report").json
        self.assertEqual(sum(arm["answers"] for arm in report["arms"]), 0)
        same = self.secret_ask("POST", "/v1/scenarios/preview:preview", {"settings": {}, "session": "nobody"}).json
        self.assertEqual(same["changes"], [])

    def test_control_and_chance_of_a_scenario(self):
        self.put("control", {"control_percent": 100})
        body = {"scenario": "control", "session": "somebody", "log": False}
        self.assertEqual(self.secret_ask("POST", "/v1/session/recommend", body).json["arm"], "control")
        self.put("chance", {"random_percent": 100, "rules": [{"rule": "cap", "field": "category", "most": 2}, {"rule": "hide", "where": "colour = 'red'"}]})
        self.secret_ask("POST", "/v1/events", [{"kind": "click", "product": product, "session": "drawn"} for product in self.of("Dress")[:3]])
        for _ in range(5):
            feed = self.secret_ask("POST", "/v1/session/recommend", {"scenario": "chance", "session": "drawn", "explain": True}).json
            self.assertEqual(feed["arm"], "random")
            categories = self.field(feed, "category")
            self.assertNotIn("red", self.field(feed, "colour"))
            self.assertEqual(len(categories), 10)
            self.assertTrue(all(0 < one["explain"]["probability"] <= 1 for one in feed["products"]))
        self.assertEqual(self.feed("chance", session="drawn")["arm"], "personal")  # nothing can be learnt of it

    # ---- what is not taken ----

    def test_wrong_settings(self):
        dress = "category = 'Dress'"
        for settings, field in (({"kk": 1}, "kk"), ({"k": 0}, "k"), ({"k": "ten"}, "k"), ({"diversity": 2}, "diversity"), ({"where": "nosuch = 1"}, "where"),
                                ({"where": "colour = "}, "where"), ({"sources": {"tastes": 1}}, "sources.tastes"), ({"sources": {"pinned": 1}}, "sources.pinned"),
                                ({"places": {"new": -1}}, "places.new"), ({"after_purchase": "never"}, "after_purchase"),
                                ({"rules": [{}]}, "rules[0].rule"), ({"rules": [{"rule": "show"}]}, "rules[0].rule"),
                                ({"rules": [{"rule": "hide"}]}, "rules[0].where"), ({"rules": [{"rule": "pin"}]}, "rules[0].products"),
                                ({"rules": [{"rule": "boost", "where": dress}]}, "rules[0].by"), ({"rules": [{"rule": "share", "where": dress}]}, "rules[0].share"),
                                ({"rules": [{"rule": "cap", "most": 2}]}, "rules[0].field"), ({"rules": [{"rule": "cap", "field": "colour"}]}, "rules[0].most"),
                                ({"rules": [{"rule": "hide", "where": dress}, {"rule": "hide", "where": "nosuch = 2"}]}, "rules[1].where"),
                                ({"rules": [{"rule": "hide", "where": dress, "from": "soon"}]}, "rules[0].from"),
                                ({"rules": [{"rule": "hide", "where": dress, "from": 200, "until": 100}]}, "rules[0].until"),
                                ({"rules": [{"rule": "hide", "where": dress}] * 33}, "rules")):
            self.refused(settings, field)
        self.assertEqual(self.secret_ask("PUT", "/v1/scenarios/" + "x" * 65, {}).status, 400)
        self.assertEqual(self.secret_ask("PUT", "/v1/scenarios/x", [1]).status, 400)
        long = {"rules": [{"rule": "hide", "where": "category in ('" + "','".join(["x" * 50] * 150) + "')"}] * 10}
        self.assertEqual(self.secret_ask("PUT", "/v1/scenarios/x", long).status, 422)

    def test_keys(self):
        for method, path, body in (("GET", "/v1/scenarios", None), ("GET", "/v1/scenarios/x", None), ("PUT", "/v1/scenarios/x", {}),
                                   ("DELETE", "/v1/scenarios/x", None), ("POST", "/v1/scenarios/x:preview", {"settings": {}})):
            self.assertEqual(self.secret_ask(method, path, body, self.public).status, 403, (method, path))

    def test_a_field_that_goes_takes_nobody_down(self):
        product = self.all and next(iter(self.all))
        self.assertEqual(self.secret_ask("PATCH", f"/v1/products/{quote(product)}", {"metadata": {"season": "winter"}}).status, 200)
        self.put("season", {"rules": [{"rule": "hide", "where": "season = 'winter'"}, {"rule": "boost", "where": "season = 'winter'", "by": 3}]})
        self.assertNotIn(product, self.ids(self.feed("season", k=120)))

    def test_strangers_do_not_use_up_the_names(self):
        product = next(iter(self.all))
        for first in range(0, 1200, 400):
            events = [{"kind": "view", "product": product, "session": f"m{i}", "scenario": f"made-up-{i}"} for i in range(first, first + 400)]
            self.assertEqual(self.secret_ask("POST", "/v1/events", events, self.public).json["new"], 400)
        self.put("late", {"k": 2})
        feed = self.secret_ask("POST", "/v1/session/recommend", {"scenario": "late", "session": "late"}).json
        self.secret_ask("POST", "/v1/events", {"kind": "click", "product": self.ids(feed)[0], "session": "late", "rec_id": feed["rec_id"]})
        arms = self.secret_ask("GET", "/v1/scenarios/late/report").json["arms"]
        self.assertEqual((sum(arm["answers"] for arm in arms), sum(arm["clicks"] for arm in arms)), (1, 1))

    def test_a_restart_keeps_them(self):
        self.put("kept", {"k": 7})
        self.shop.stop()
        self.shop.start()
        self.assertEqual(len(self.feed("kept")["products"]), 7)


if __name__ == "__main__":
    unittest.main()
