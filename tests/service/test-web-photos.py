# SPDX-License-Identifier: Apache-2.0
"""Photos at web addresses: indexed from a host that behaves, and from hosts that do not."""
import csv
import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

NITERU = os.environ["NITERU"]
COUNT = 24


class Host(http.server.ThreadingHTTPServer):
    """Photos by their file names below any path; what a path begins with says how it is answered."""
    daemon_threads = True

    def __init__(self, folder, port=0):
        super().__init__(("127.0.0.1", port), Answer)
        self.folder, self.asked, self.lock, self.delay, self.validators = folder, [], threading.Lock(), 0, True
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that was killed

    def take(self):
        with self.lock:
            asked, self.asked = self.asked, []
        return asked

    def close(self):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        with self.server.lock:
            self.server.asked.append((self.path, status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        time.sleep(self.server.delay)
        kind, name = self.path.split("/")[1], os.path.basename(self.path)
        if kind == "html":
            return self.answer(200, b"<!doctype html><title>Sign in</title>", Content_Type="image/jpeg")
        if kind == "loop":
            return self.answer(302, Location=self.path)
        if kind == "inside":
            return self.answer(302, Location="file:///etc/passwd")
        path = os.path.join(self.server.folder, name)
        if not os.path.exists(path):
            return self.answer(404)
        with open(path, "rb") as file:
            body = file.read()
        if kind == "moved":
            return self.answer(301, Location="/m/" + name)
        tag = '"' + hashlib.sha256(body).hexdigest() + '"'
        if self.server.validators and self.headers.get("If-None-Match") == tag:
            return self.answer(304, ETag=tag)
        return self.answer(200, body, **({"ETag": tag} if self.server.validators else {}))


class WebPhotos(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="niteru-web-photos-")
        self.folder = self.scratch.name
        subprocess.run([os.environ["NITERU_PICTURES"], self.folder + "/photos", "--count", str(COUNT)], check=True,
                       stdout=subprocess.DEVNULL)
        self.images = self.folder + "/photos/images"
        self.names = sorted(os.listdir(self.images))
        self.host = Host(self.images)
        self.catalogue = self.folder + "/shop.niteru"
        self.list = self.folder + "/list.csv"

    def tearDown(self):
        self.host.close()
        self.scratch.cleanup()

    def write(self, rows):
        with open(self.list, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("id", "image", "title"), *rows])

    def write_all(self, kind="photo"):
        self.write([(name[:-4], f"{self.host.url}/{kind}/{name}", name) for name in self.names])

    def niteru(self, *args):
        return subprocess.run([NITERU, "-C", self.catalogue, *args], capture_output=True, text=True, timeout=300)

    def index(self, *args, status=0, private=True):
        done = self.niteru("index", self.list, "--json", *(["--allow-private"] if private else []), *args)
        self.assertEqual(done.returncode, status, done)
        return (json.loads(done.stdout) if done.stdout else None), done.stderr

    def alike(self, product):
        done = self.niteru("similar", product, "--json")
        self.assertEqual(done.returncode, 0, done)
        return [one["product"] for one in json.loads(done.stdout)["results"]]

    def test_unchanged_and_changed(self):
        self.write_all()
        report, _ = self.index()
        self.assertEqual((report["embedded"], report["fetched"], report["failed"]), (COUNT, COUNT, 0))
        self.assertEqual(sorted(os.path.basename(path) for path, _ in self.host.take()), self.names)
        first = self.alike(self.names[0][:-4])
        # The same as from files.
        local = self.folder + "/local.niteru"
        subprocess.run([NITERU, "-C", local, "index", "-q", self.folder + "/photos/catalog.csv"], check=True)
        files = json.loads(subprocess.run([NITERU, "-C", local, "similar", self.names[0][:-4], "--json"], check=True,
                                          capture_output=True, text=True).stdout)
        self.assertEqual(first, [one["product"] for one in files["results"]])
        report, _ = self.index()
        self.assertEqual((report["embedded"], report["fetched"], report["unchanged"], report["reused"]), (0, 0, COUNT, COUNT))
        self.assertEqual({status for _, status in self.host.take()}, {304})
        # One photo becomes another: that one is fetched, and no other.
        os.replace(os.path.join(self.images, self.names[1]), os.path.join(self.images, self.names[0]))
        report, errors = self.index()
        self.assertEqual((report["fetched"], report["unchanged"], report["failed"]), (1, COUNT - 2, 1))
        self.assertIn("answered 404", errors)
        # Without validators all are fetched, and none is embedded.
        self.host.validators = False
        report, _ = self.index()
        self.assertEqual((report["embedded"], report["fetched"]), (0, COUNT - 1))

    def test_one_address_in_many_products(self):
        self.write([(f"p{i}", f"{self.host.url}/photo/{self.names[i % 3]}|{self.host.url}/photo/{self.names[i % 2]}", "x")
                    for i in range(60)])
        report, _ = self.index()
        self.assertEqual((report["photos"], report["fetched"], report["embedded"]), (100, 3, 3))
        self.assertEqual(report["embedded"] + report["reused"], 100)
        self.assertEqual(len(self.host.take()), 3)
        report, _ = self.index()
        self.assertEqual((report["fetched"], report["unchanged"], report["reused"]), (0, 3, 100))
        self.assertEqual(len(self.host.take()), 3)
        self.assertIn("sound", self.niteru("check").stdout)

    def test_hosts_that_do_not_behave(self):
        name = self.names[0]
        self.write([("good", f"{self.host.url}/photo/{name}", ""), ("gone", f"{self.host.url}/photo/none.jpg", ""),
                    ("html", f"{self.host.url}/html/a.jpg", ""), ("loop", f"{self.host.url}/loop/a.jpg", ""),
                    ("inside", f"{self.host.url}/inside/a.jpg", ""), ("moved", f"{self.host.url}/moved/{name}", ""),
                    ("secret", f"http://me:word@127.0.0.1/{name}", "")])
        errors = self.folder + "/errors.jsonl"
        report, _ = self.index("--errors", errors)
        self.assertEqual((report["embedded"], report["reused"], report["failed"]), (1, 1, 5))
        with open(errors, encoding="utf-8") as file:
            told = {one["product"]: one for one in map(json.loads, file)}
        for product, words in {"gone": "answered 404", "html": "HTML", "loop": "again and again",
                               "inside": "elsewhere", "secret": "password"}.items():
            self.assertIn(words, told[product]["message"])
            self.assertRegex(told[product]["place"], r"list.csv:\d$")
        self.assertNotIn("root:", str(told))

    def test_private_only_when_allowed(self):
        self.write_all()
        report, errors = self.index(private=False, status=1)
        self.assertEqual((report["embedded"], report["failed"]), (0, COUNT))
        self.assertIn("--allow-private", errors)
        self.write([("a", "http://127.0.0.1/a.jpg", ""), ("b", "http://[::ffff:7f00:1]/b.jpg", ""), ("c", "http://localhost/c.jpg", "")])
        report, errors = self.index(private=False, status=1)
        self.assertEqual(report["failed"], 3)
        self.assertEqual(errors.count("leads to no public address"), 3)
        self.assertEqual(self.host.take(), [])

    def test_host_that_is_away(self):
        self.write_all()
        self.index()
        before, port = self.alike(self.names[0][:-4]), self.host.server_port
        self.host.close()
        report, errors = self.index(status=1)
        self.assertEqual(report["failed"], COUNT)
        self.assertIn("goes on with what was there before", errors)
        self.assertEqual(self.alike(self.names[0][:-4]), before)
        self.host = Host(self.images, port)
        report, _ = self.index()
        self.assertEqual((report["failed"], report["fetched"], report["unchanged"]), (0, 0, COUNT))

    def serve(self, *settings):
        server = subprocess.Popen([NITERU, "-C", self.catalogue, "serve", "--listen", "127.0.0.1:0", "--set", "log=errors",
                                   *[part for one in settings for part in ("--set", one)]], stdout=subprocess.PIPE, text=True)
        def stop():
            server.send_signal(signal.SIGTERM)
            server.wait(30)
            server.stdout.close()
        self.addCleanup(stop)
        return server.stdout.readline().split(" at ")[1].strip().rstrip("/")

    def send(self, url, method, path, body):
        request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as fault:
            with fault:
                return fault.code, json.load(fault)

    def test_by_the_api(self):
        self.index_files()
        url, name = self.serve("allow_private=true"), self.names[0]
        self.assertEqual(self.send(url, "PUT", "/v1/products/sent", {"metadata": {"title": "Sent"}})[0], 201)
        add = "/v1/products/sent/photos"
        status, product = self.send(url, "POST", add, {"address": f"{self.host.url}/photo/{name}"})
        self.assertEqual((status, len(product["photos"])), (200, 1), product)
        with urllib.request.urlopen(f"{url}/v1/products/sent/similar?k=1") as answer:
            self.assertEqual(json.load(answer)["products"][0]["product"], name[:-4])
        for address, code in ((f"{self.host.url}/photo/none.jpg", "photo-not-fetched"), (f"{self.host.url}/html/a.jpg", "unsupported-photo"),
                              (f"{self.host.url}/inside/a.jpg", "photo-not-fetched"), ("ftp://shop.example/a.jpg", "photo-not-fetched")):
            status, problem = self.send(url, "POST", add, {"address": address})
            self.assertEqual((problem["code"], status // 100), (code, 4), problem)
        self.assertEqual(self.send(url, "POST", add, {"address": "http://a.example/", "photo": "aaaa"})[0], 400)

    def test_strangers_networks(self):
        self.index_files()
        url = self.serve()
        self.send(url, "PUT", "/v1/products/sent", {"metadata": {}})
        for address in (self.host.url + "/photo/" + self.names[0], "http://localhost/a.jpg", "http://[::1]/a.jpg", "http://0x7f.1/"):
            status, problem = self.send(url, "POST", "/v1/products/sent/photos", {"address": address})
            self.assertEqual((status, problem["code"]), (422, "photo-not-fetched"))
            self.assertNotIn("127.0.0.1,", problem["detail"])
        self.assertEqual(self.host.take(), [])

    def index_files(self):
        self.assertEqual(self.niteru("index", "-q", self.folder + "/photos/catalog.csv").returncode, 0)

    def test_while_a_server_runs(self):
        """The server does the work then; it shows photos small, and asks their host once for that."""
        self.write_all()
        self.index()
        url = self.serve()
        report, _ = self.index()
        self.assertEqual((report["unchanged"], report["failed"]), (COUNT, 0))
        self.host.take()
        for _ in range(2):
            for product in (self.names[0][:-4], self.names[1][:-4]):
                with urllib.request.urlopen(f"{url}/v1/products/{product}/photos/0?w=128") as answer:
                    self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "image/jpeg"))
                    self.assertTrue(answer.read().startswith(b"\xff\xd8"))
        self.assertEqual([status for _, status in self.host.take()], [200, 200])

    def test_killed_and_gone_on(self):
        self.write_all()
        self.host.delay = 0.05
        kept = 0
        for wait in (0.6, 0.9, 1.2):
            run = subprocess.Popen([NITERU, "-C", self.catalogue, "index", self.list, "-q", "--allow-private", "--connections", "1"])
            time.sleep(wait)
            run.send_signal(signal.SIGKILL)
            run.wait()
            listed = self.niteru("list", "--json", "-k", "1000")
            products = listed.stdout.splitlines() if listed.returncode == 0 else []
            self.assertGreaterEqual(len(products), kept)
            kept = len(products)
        report, _ = self.index()
        self.assertEqual((report["products"], report["failed"]), (COUNT, 0))
        self.assertEqual(report["embedded"] + report["reused"], COUNT)
        self.assertIn("sound", self.niteru("check").stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=1)
