# SPDX-License-Identifier: Apache-2.0
"""Who may do what: keys, origins, rates, proxies, TLS; and settings that are wrong."""
import gzip
import http.client
import json
import os
import signal
import ssl
import subprocess
import time
import unittest

import shop
from shop import Shop, ShopTest, quote


def bearer(key, **more):
    return {"Authorization": "Bearer " + key, **more}


class Keys(ShopTest):
    settings = ("publishable_rate=1000", "cors_origins=https://admin.example")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin, cls.secret, cls.public = cls.shop.key("admin"), cls.shop.key("secret"), cls.shop.key("publishable")
        cls.paged = cls.shop.key("publishable", "--origin", "https://shop.example")
        time.sleep(0.3) # from the first key on, keys are asked for
        cls.similar = "/v1/products/" + quote(cls.shop_ids()[0]) + "/similar"

    @classmethod
    def shop_ids(cls):
        listed = cls.shop.ask("GET", "/v1/products", headers=bearer(cls.secret))
        return [product["product"] for product in listed.json["products"]]

    def test_kinds(self):
        for headers, read, write in [({}, 401, 401), (bearer(self.public), 200, 403), (bearer(self.secret), 200, 200),
                                     (bearer(self.admin), 200, 200)]:
            with self.subTest(headers):
                self.assertEqual(self.ask("GET", self.similar, headers=headers).status, read)
                item = {"products": [{"product": "x"}]}
                self.assertEqual(self.ask("POST", "/v1/products:batch", item, headers).status, write)
        self.assertEqual(self.ask("GET", "/healthz").status, 200)
        self.assertEqual(self.ask("GET", "/metrics").status, 401)

    def test_wrong_keys(self):
        """Absent, wrong, cut, revoked and long keys get the same answer, and no key is in the log."""
        revoked = self.shop.run("key", "create", "--kind", "secret", "--name", "gone").stdout.strip()
        self.assertEqual(self.ask("GET", self.similar, headers=bearer(revoked)).status, 200)
        self.shop.run("key", "revoke", "gone")
        bodies = set()
        for headers in ({}, bearer("x"), bearer(self.secret[:-1]), bearer(self.secret + "x"), bearer(revoked),
                        bearer("nk_sec_" + "A" * 43), {"Authorization": "Basic eDp5"}, {"Authorization": self.secret},
                        bearer(" " + self.secret)):
            answer = self.ask("GET", self.similar, headers=headers)
            self.assertProblem(answer, 401, "unauthorized")
            self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
            bodies.add(answer.body)
        self.assertEqual(len(bodies), 1)
        self.assertEqual(self.ask("GET", self.similar, headers=bearer("x" * 20000)).status, 431)
        for key in (self.secret, self.public, self.admin, revoked):
            self.assertNotIn(key, self.shop.log())

    def test_in_address(self):
        """A publishable key may stand in an address; others are refused there."""
        self.assertEqual(self.ask("GET", f"{self.similar}?k=1&key={self.public}").status, 200)
        for key in (self.secret, self.admin):
            self.assertProblem(self.ask("GET", f"{self.similar}?key={key}"), 401, "unauthorized")
        self.assertNotIn(self.public, self.shop.log())

    def test_origins(self):
        page, other = {"Origin": "https://shop.example"}, {"Origin": "https://other.example"}
        fine = self.ask("GET", self.similar, headers=bearer(self.paged, **page))
        self.assertEqual((fine.status, fine.headers["Access-Control-Allow-Origin"]), (200, "https://shop.example"))
        for headers in (bearer(self.paged, **other), bearer(self.paged)):
            self.assertProblem(self.ask("GET", self.similar, headers=headers), 403, "origin-not-allowed")
        self.assertEqual(self.ask("GET", self.similar, headers=bearer(self.public, **other)).status, 200)
        secret = self.ask("GET", self.similar, headers=bearer(self.secret, **other))
        self.assertNotIn("Access-Control-Allow-Origin", secret.headers)
        admin = self.ask("GET", self.similar, headers=bearer(self.secret, Origin="https://admin.example"))
        self.assertEqual(admin.headers["Access-Control-Allow-Origin"], "https://admin.example")
        first = self.ask("OPTIONS", self.similar, headers={**page, "Access-Control-Request-Method": "GET"})
        self.assertEqual(first.status, 204)
        self.assertIn("Authorization", first.headers["Access-Control-Allow-Headers"])

    def test_caches(self):
        """What a cache must know to not give one the answer of another; and questions about the server as a whole."""
        secret = bearer(self.secret)
        put = self.ask("PUT", "/v1/products/cached", {"metadata": {"title": "x" * 3000}}, secret)
        tag = put.headers["ETag"]
        for method in ("GET", "HEAD"):
            for more in ({}, {"If-None-Match": tag}, {"If-None-Match": tag, "Accept-Encoding": "gzip"}):
                answer = self.ask(method, "/v1/products/cached", headers={**secret, **more})
                self.assertEqual(answer.status, 304 if more else 200)
                vary = ", ".join(answer.headers.get_all("Vary"))
                self.assertTrue("Origin" in vary and "Accept-Encoding" in vary, vary)
        packed = self.ask("GET", "/v1/products/cached", headers={**secret, "Accept-Encoding": "gzip"})
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertNotEqual(packed.headers["ETag"], tag)
        for given, status in ((packed.headers["ETag"], 200), ("W/" + tag, 412), ('"other"', 412)):
            patch = self.ask("PATCH", "/v1/products/cached", {"metadata": {}}, {**secret, "If-Match": given})
            self.assertEqual(patch.status, status, given)
        self.ask("DELETE", "/v1/products/cached", headers=secret)
        self.assertEqual(self.ask("OPTIONS", "*").status, 204)
        self.assertEqual(self.ask("GET", "/openapi.json").json,
                         json.loads(gzip.decompress(self.ask("GET", "/openapi.json",
                                                             headers={"Accept-Encoding": "gzip"}).body)))

    def test_public_field(self):
        """Publishable keys see products that are public only; the others see all."""
        ids = self.shop_ids()
        hidden = ids[1]
        put = self.ask("PATCH", "/v1/products/" + quote(hidden), {"metadata": {"public": False}}, bearer(self.secret))
        self.assertEqual(put.json["metadata"]["public"], False)
        for key, seen in ((self.public, False), (self.secret, True)):
            found = self.ask("GET", self.similar + "?k=1000", headers=bearer(key)).json["products"]
            self.assertEqual(hidden in [product["product"] for product in found], seen)
            also = self.ask("GET", self.similar + "?k=1000&where=" + quote("price > 0 or price is missing"),
                            headers=bearer(key)).json["products"]
            self.assertEqual(hidden in [product["product"] for product in also], seen)
            one = self.ask("GET", "/v1/products/" + quote(hidden), headers=bearer(key))
            self.assertEqual(one.status, 200 if seen else 404)
            alike = self.ask("GET", f"/v1/products/{quote(hidden)}/similar", headers=bearer(key))
            self.assertEqual(alike.status, 200 if seen else 404)
            picture = self.ask("GET", f"/v1/products/{quote(hidden)}/photos/0?w=64", headers=bearer(key))
            self.assertEqual(picture.status, 200 if seen else 404)
            words = self.ask("POST", "/v1/search/text", {"text": hidden, "k": 1000}, bearer(key)).json["products"]
            self.assertEqual(hidden in [product["product"] for product in words], seen)
            liked = self.ask("POST", "/v1/recommend", {"positive": [hidden]}, bearer(key))
            self.assertEqual(liked.status, 200 if seen else 404)
        # No condition closes the parenthesis that it is put into.
        for where in ("price > 0) or (price > 0", "price > 0) or (public = false", "price > 0 or (price > 0"):
            escaped = self.ask("GET", self.similar + "?k=1000&where=" + quote(where), headers=bearer(self.public))
            self.assertProblem(escaped, 400, "invalid", "where")
        # What is near a condition tells values; strangers learn none of hidden products.
        self.ask("PATCH", "/v1/products/" + quote(hidden), {"metadata": {"brand": "Hushhush"}}, bearer(self.secret))
        asked = {"where": "brand = 'Hushush'", "text": "photo"}
        for key, told in ((self.public, False), (self.secret, True)):
            for found in (self.ask("POST", "/v1/search/text", asked, bearer(key)),
                          self.ask("GET", self.similar + "?where=" + quote(asked["where"]), headers=bearer(key))):
                self.assertEqual(found.json["products"], [])
                self.assertEqual(b"Hushhush" in found.body, told)
                self.assertEqual("near" in found.json, told)
        facets = self.ask("POST", "/v1/facets", {"fields": ["nowhere"]}, bearer(self.public))
        self.assertProblem(facets, 400, "invalid", "fields")
        none = self.ask("GET", "/v1/products/none", headers=bearer(self.public)).json
        shy = self.ask("GET", "/v1/products/" + quote(hidden), headers=bearer(self.public)).json
        self.assertEqual(shy["detail"].replace(hidden, "none"), none["detail"])


class Sessions(ShopTest):
    """Signing in on the page: a key for a cookie."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.shop.ids()[0]
        cls.open = cls.shop.ask("GET", "/v1/session").json
        cls.admin, cls.public = cls.shop.key("admin"), cls.shop.key("publishable")
        cls.paged = cls.shop.key("publishable", "--origin", "https://shop.example")
        time.sleep(0.3)

    def sign_in(self, key, **headers):
        return self.ask("POST", "/v1/session", {"key": key}, headers)

    def cookie(self, answer):
        return answer.headers["Set-Cookie"].partition(";")[0]

    def test_open(self):
        self.assertEqual(self.open, {"access": "admin", "signed_in": False})

    def test_sign_in(self):
        self.assertEqual(self.ask("GET", "/v1/session").json, {"access": "none", "signed_in": False})
        answer = self.sign_in(self.admin)
        self.assertEqual((answer.status, answer.json["access"], answer.json["signed_in"]), (200, "admin", True))
        cookie = answer.headers["Set-Cookie"]
        for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="):
            self.assertIn(part, cookie)
        self.assertNotIn("Secure", cookie)
        for secret in (self.admin, self.admin[-20:]):
            self.assertNotIn(secret, cookie + answer.body.decode())
        with_cookie = {"Cookie": "other=1; " + self.cookie(answer) + "; more=2"}
        self.assertEqual(self.ask("GET", "/v1/session", headers=with_cookie).json, answer.json)
        self.assertEqual(self.ask("GET", "/v1/products", headers=with_cookie).status, 200)
        self.assertEqual(self.ask("GET", "/metrics", headers=with_cookie).status, 200)

    def test_csrf(self):
        """What changes anything needs the secret that only the page can read."""
        answer = self.sign_in(self.admin)
        cookie, item = {"Cookie": self.cookie(answer)}, {"metadata": {"title": "x"}}
        right = answer.json["csrf"]
        for sent in (None, "", "x", right[:-1], right + "0", right[::-1], self.sign_in(self.admin).json["csrf"]):
            headers = {**cookie, **({"X-CSRF-Token": sent} if sent is not None else {})}
            self.assertProblem(self.ask("PUT", "/v1/products/csrf", item, headers), 403, "csrf")
            self.assertProblem(self.ask("DELETE", "/v1/products/" + quote(self.first), headers=headers), 403, "csrf")
        self.assertEqual(self.ask("PUT", "/v1/products/csrf", item, {**cookie, "X-CSRF-Token": right}).status, 201)
        self.assertEqual(self.ask("DELETE", "/v1/products/csrf", headers={**cookie, "X-CSRF-Token": right}).status, 204)
        self.assertEqual(self.ask("GET", "/v1/products/" + quote(self.first), headers=cookie).status, 200)

    def test_publishable(self):
        """The shop as strangers see it, and nothing else."""
        cookie = {"Cookie": self.cookie(self.sign_in(self.public))}
        self.assertEqual(self.ask("GET", "/v1/session", headers=cookie).json["access"], "publishable")
        csrf = self.ask("GET", "/v1/session", headers=cookie).json["csrf"]
        admin = bearer(self.admin)
        self.ask("PUT", "/v1/products/hidden", {"metadata": {"public": False}}, admin)
        shown = [one["product"] for one in self.ask("GET", "/v1/products?limit=1000", headers=cookie).json["products"]]
        self.assertIn(self.first, shown)
        self.assertNotIn("hidden", shown)
        self.assertIn("hidden", self.ask("GET", "/v1/products?limit=1000", headers=admin).body.decode())
        self.ask("DELETE", "/v1/products/hidden", headers=admin)
        put = self.ask("PUT", "/v1/products/x", {"metadata": {}}, {**cookie, "X-CSRF-Token": csrf})
        self.assertProblem(put, 403, "forbidden")
        self.assertEqual(self.ask("GET", "/metrics", headers=cookie).status, 403)
        self.assertProblem(self.sign_in(self.paged), 403, "origin-not-allowed", "key")

    def test_refused(self):
        for key in ("x", self.admin[:-1], self.admin + "x", "nk_adm_" + "A" * 43):
            answer = self.sign_in(key)
            self.assertProblem(answer, 401, "unauthorized", "key")
            self.assertNotIn("Set-Cookie", answer.headers)
        self.assertProblem(self.sign_in(self.admin, Origin="https://evil.example"), 403, "origin-not-allowed")
        own = "http://127.0.0.1:%d" % self.shop.port
        self.assertEqual(self.sign_in(self.admin, Origin=own).status, 200)
        for cookie in ("niteru_session=", "niteru_session=x", "niteru_session=" + "0" * 64, "niteru_session=" + self.admin,
                       ";;;=", "niteru_session"):
            headers = {"Cookie": cookie}
            self.assertEqual(self.ask("GET", "/v1/session", headers=headers).json["access"], "none")
            self.assertProblem(self.ask("GET", "/v1/products", headers=headers), 401, "unauthorized")
        self.assertNotIn(self.admin, self.shop.log())

    def test_ends(self):
        """Signing out, signing in again, and a key that is revoked end a session."""
        answer = self.sign_in(self.admin)
        cookie = {"Cookie": self.cookie(answer)}
        evil = self.ask("DELETE", "/v1/session", headers={**cookie, "Origin": "https://evil.example"})
        self.assertProblem(evil, 403, "origin-not-allowed")
        out = self.ask("DELETE", "/v1/session", headers=cookie)
        self.assertEqual(out.status, 204)
        self.assertIn("Max-Age=0", out.headers["Set-Cookie"])
        self.assertEqual(self.ask("GET", "/v1/products", headers=cookie).status, 401)

        key = self.shop.run("key", "create", "--kind", "secret", "--name", "brief").stdout.strip()
        first = {"Cookie": self.cookie(self.sign_in(key))}
        second = {"Cookie": self.cookie(self.sign_in(key, **first))}
        self.assertEqual(self.ask("GET", "/v1/products", headers=first).status, 401)
        self.assertEqual(self.ask("GET", "/v1/products", headers=second).status, 200)
        self.shop.run("key", "revoke", "brief")
        self.assertEqual(self.ask("GET", "/v1/products", headers=second).status, 401)
        self.assertEqual(self.ask("GET", "/v1/session", headers=second).json, {"access": "none", "signed_in": False})


class Guard(ShopTest):
    """Only what is said to be public, and what says nothing, is shown to strangers."""

    settings = ("public=true",)

    def test_values(self):
        secret = self.shop.run("key", "create", "--kind", "secret", "--name", "s").stdout.strip()
        listed = self.ask("GET", "/v1/products", headers=bearer(secret)).json["products"]
        ids = [product["product"] for product in listed]
        values = [None, True, 1, "yes", False, 0, "n", "no", "hidden", "-", "none", [], 3]
        for value, product in zip(values, ids):
            put = self.ask("PATCH", "/v1/products/" + quote(product), {"metadata": {"Public": value}}, bearer(secret))
            self.assertEqual(put.status, 200)
        seen = [self.ask("GET", "/v1/products/" + quote(product)).status for product in ids[:len(values)]]
        self.assertEqual(seen, [200] * 4 + [404] * (len(values) - 4))
        found = self.ask("GET", f"/v1/products/{quote(ids[0])}/similar?k=1000").json["products"]
        self.assertEqual(set(ids[4:len(values)]) & {product["product"] for product in found}, set())


class Rates(ShopTest):
    settings = ("publishable_rate=5", "trusted_proxies=127.0.0.1", "public=true")

    def test_rates(self):
        path = "/v1/models"
        def ask(client):
            return self.ask("GET", path, headers={"X-Forwarded-For": client})
        answers = [ask("203.0.113.1") for _ in range(30)]
        self.assertEqual(answers[0].headers["RateLimit-Limit"], "5")
        refused = [answer for answer in answers if answer.status == 429]
        self.assertGreaterEqual(len(refused), 10)
        self.assertProblem(refused[0], 429, "too-many-requests")
        self.assertEqual(refused[0].headers["Retry-After"], "1")
        self.assertEqual(ask("203.0.113.2").status, 200) # another client behind the same proxy
        self.assertEqual(ask("1.2.3.4, 203.0.113.1").status, 429) # what the client made up does not count
        self.assertEqual(self.ask("POST", "/v1/products:batch", {"products": [{"product": "x"}]},
                                  {"X-Forwarded-For": "203.0.113.9"}).status, 403)
        self.assertTrue(self.shop.logs('"client": "203.0.113.2"'))


    def test_conditions(self):
        """A condition of one without a secret key has 32 comparisons at most; in texts and names nothing is counted."""
        def models(where):
            return self.ask("POST", "/v1/facets", {"fields": ["brand"], "where": where}, {"X-Forwarded-For": "203.0.113.7"})
        def chain(count):
            return " AND ".join(["brand != 'a and b or c'"] * count)
        self.assertEqual(models(chain(32)).status, 200)
        self.assertProblem(models(chain(33)), 400, "over-limit", "where")
        alike = "/v1/products/x/similar?where=" + quote(chain(33))
        self.assertProblem(self.ask("GET", alike, headers={"X-Forwarded-For": "203.0.113.7"}), 400, "over-limit", "where")
        self.assertEqual(self.ask("GET", "/v1/limits").json["comparisons_publishable"], 32)

    def test_networks(self):
        """Who has one IPv6 address has 64 bits of them, which count as one client."""
        answers = [self.ask("GET", "/v1/models", headers={"X-Forwarded-For": f"2001:db8::{i:x}"}) for i in range(30)]
        self.assertGreaterEqual(len([answer for answer in answers if answer.status == 429]), 10)
        self.assertEqual(self.ask("GET", "/v1/models", headers={"X-Forwarded-For": "2001:db8:0:1::1"}).status, 200)

    def test_anyone(self):
        """What needs no key has the same rate."""
        statuses = {self.ask("GET", "/healthz", headers={"X-Forwarded-For": "203.0.113.8"}).status for _ in range(30)}
        self.assertEqual(statuses, {200, 429})


class Tls(unittest.TestCase):
    def make_certificate(self, files):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        files[0], "-out", files[1]], check=True, capture_output=True)

    def test_tls(self):
        served = Shop(4)
        try:
            files = [os.path.join(served.folder, name) for name in ("tls.key", "tls.crt")]
            try:
                self.make_certificate(files)
            except (FileNotFoundError, subprocess.CalledProcessError):
                self.skipTest("openssl is not here to make a certificate")
            served.start("--set", "key=" + files[0], "--set", "certificate=" + files[1])
            self.assertTrue(served.url.startswith("https://"))
            trust = ssl.create_default_context(cafile=files[1])
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                trust.minimum_version = trust.maximum_version = version
                connection = http.client.HTTPSConnection("127.0.0.1", served.port, context=trust, timeout=20)
                for _ in range(3): # on one connection
                    answer = served.ask("GET", "/openapi.json", connection=connection)
                    self.assertEqual(answer.json["openapi"], "3.1.0")
                big = {"products": [{"product": f"p{i}", "metadata": {"title": "x" * 700}} for i in range(1000)]}
                self.assertEqual(served.ask("POST", "/v1/products:batch", big, connection=connection).status, 200)
                connection.close()
            # SIGHUP: new connections see the new certificate, and a broken one changes nothing.
            def certificate():
                return ssl.get_server_certificate(("127.0.0.1", served.port))
            first = certificate()
            self.make_certificate(files)
            served.process.send_signal(signal.SIGHUP)
            for _ in range(100):
                if certificate() != first:
                    break
                time.sleep(0.05)
            second = certificate()
            self.assertNotEqual(second, first)
            with open(files[1], "w", encoding="utf-8") as file:
                file.write("broken")
            served.process.send_signal(signal.SIGHUP)
            time.sleep(0.3)
            self.assertEqual(certificate(), second)
            self.assertNotIn(b"200 OK", served.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
        finally:
            served.close()


class Settings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Shop(4)

    @classmethod
    def tearDownClass(cls):
        cls.shop.close()

    def check(self, *flags):
        return self.shop.run("serve", "--check", *flags, check=False)

    def test_check(self):
        self.assertEqual(self.check().returncode, 0)
        config = os.path.join(self.shop.folder, "c.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.shop.run("serve", "--settings").stdout)
        self.assertEqual(self.check("--config", config).returncode, 0)
        for flags, said in [
                (["--set", "lissen=x"], "did you mean 'listen'"),
                (["--set", "queue=0"], "queue = 0: must be a whole number from 1"),
                (["--set", "public=yes"], "must be true or false"),
                (["--set", "log=loud"], "requests, errors, off"),
                (["--set", "trusted_proxies=shop.example"], "no address or network"),
                (["--set", "certificate=/none"], "certificate and key go together"),
                (["--set", "certificate=/none", "--set", "key=/none"], "cannot be used"),
                (["--set", "json_bytes=5Q"], "json_bytes = 5Q"),
                (["--config", "/none.conf"], "/none.conf"),
                (["--listen", "0.0.0.0:0"], "there is no key"),
                (["--set", "listen="], "no address")]:
            with self.subTest(flags):
                done = self.check(*flags)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(said, done.stderr)
        self.assertEqual(self.check("--listen", "0.0.0.0:0", "--public").returncode, 0)
        for text, said in [("[other]\na=1\n", "no group [other]"), ("[serve]\nprot=1\n", "did you mean 'key'"),
                           ("nonsense\n", "c.conf")]:
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)
            self.assertEqual(self.check("--config", config).returncode, 1)
        busy = Shop(4).start()
        try:
            done = self.shop.run("serve", "--listen", f"127.0.0.1:{busy.port}", check=False)
            self.assertIn("is taken", done.stderr)
            busy.settings = []
            second = busy.run("serve", "--listen", "127.0.0.1:0", check=False)
            self.assertEqual(second.returncode, 1)
            self.assertIn("serves this catalogue already", second.stderr)
            busy.stop(9) # killed, it leaves its socket, which does not hinder the next
            busy.start()
            self.assertEqual(busy.ask("GET", "/readyz").status, 200)
        finally:
            busy.close()


if __name__ == "__main__":
    shop.main()
