# SPDX-License-Identifier: Apache-2.0
"""Imports: a list and its photos are uploaded, taken in the background, and each row's outcome can be read."""
import csv
import io
import json
import os
import shutil
import signal
import socket
import time

import shop
from shop import Shop, ShopTest, quote

JPEG = {"Content-Type": "image/jpeg"}


class Jobs(ShopTest):
    def make(self, **settings):
        answer = self.ask("POST", "/v1/products:import", settings)
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.headers["Location"], "/v1/jobs/" + answer.json["job"])
        return answer.headers["Location"]

    def wait(self, job, server=None):
        for _ in range(600):
            seen = (server or self.shop).ask("GET", job).json
            if seen["state"] in ("done", "failed"):
                return seen
            time.sleep(0.05)
        self.fail(seen)

    def run_list(self, text, photos=(), **settings):
        job = self.make(**settings)
        self.assertTrue(self.ask("PUT", job + "/list", text).json["list"])
        for name, data in photos:
            answer = self.ask("PUT", f"{job}/photos/{quote(name)}", data, JPEG)
            self.assertEqual(answer.status, 200, answer)
        started = self.ask("POST", job + ":start")
        self.assertEqual(started.status, 202, started)
        return job, self.wait(job)

    def results(self, job, query=""):
        return self.ask("GET", f"{job}/results{query}").json["results"]

    def test_csv(self):
        ids = self.shop.ids()
        photo, other = self.shop.photo(ids[0]), self.shop.photo(ids[1])
        text = ("id;image;title;price\nj1;a/one.jpg;Ein Kleid;10,5\nj2;two.jpg|a/one.jpg;Zwei;20\nj3;;Drei;x\n"
                ";none.jpg;x;1\nj4;missing.jpg;Vier;4\n").encode()
        job, done = self.run_list(text, [("a/one.jpg", photo), ("two.jpg", other)])
        self.assertEqual((done["state"], done["counts"]["products"], done["counts"]["added"]), ("done", 4, 4), done)
        found = {product["product"]: product["status"] for product in self.results(job) if product["status"] < 400}
        self.assertEqual(found, {"j1": 201, "j2": 201, "j3": 201, "j4": 201})
        failed = self.results(job, "?failed=true")
        self.assertEqual({(f["line"], f.get("product"), f["status"]) for f in failed},
                         {(4, "j3", 422), (5, None, 400), (5, None, 404), (6, "j4", 404)})
        self.assertIn("was not uploaded", [f["detail"] for f in failed if f["line"] == 6][0])
        self.assertNotIn(self.shop.folder, self.ask("GET", job + "/results").body.decode())
        two = self.ask("GET", "/v1/products/j2").json
        self.assertEqual([photo["bytes"] for photo in two["photos"]], [len(other), len(photo)])
        self.assertEqual(self.ask("GET", "/v1/products/j1").json["metadata"]["price"], 10.5)
        self.assertEqual(self.ask("GET", "/v1/products/j1/similar?k=1").json["products"][0]["score"], 100)
        self.assertEqual(self.ask("GET", "/v1/products/j3").json["photos"], [])
        # The photos are kept by the catalogue; the job's files can go.
        self.assertEqual(self.ask("DELETE", job).status, 204)
        self.assertEqual(self.ask("GET", job).status, 404)
        self.assertFalse(os.listdir(os.path.join(self.shop.catalogue, "jobs")))
        self.assertTrue(self.shop.run("check").returncode == 0)
        for product in ("j1", "j2", "j3", "j4"):
            self.ask("DELETE", "/v1/products/" + product)

    def test_exports(self):
        """Shops' own exports, with photos by the names at the ends of their addresses."""
        ids = self.shop.ids()
        photo, other = self.shop.photo(ids[0]), self.shop.photo(ids[1])
        shopify = ("Handle,Title,Vendor,Status,Variant SKU,Variant Price,Image Src,Option1 Name,Option1 Value\n"
                   "x-dress,<b>Dress</b>,Acme,active,s1,30.00,https://cdn.example/one.jpg?v=1,Color,Red\n"
                   "x-dress,,,,s2,25.00,https://cdn.example/two.jpg,,Blue\nx-mug,Mug,Acme,draft,m,9,,,\n").encode()
        job, done = self.run_list(shopify, [("https://cdn.example/one.jpg?v=1", photo), ("two.jpg", other)],
                                  format="shopify", source="our shop")
        self.assertEqual((done["state"], done["counts"]["products"]), ("done", 2), self.results(job))
        dress = self.ask("GET", "/v1/products/x-dress").json
        self.assertEqual(len(dress["photos"]), 2, dress)
        self.assertEqual((dress["metadata"]["title"], dress["metadata"]["price"], dress["metadata"]["color"]),
                         ("Dress", 25, ["Red", "Blue"]))
        self.assertIs(self.ask("GET", "/v1/products/x-mug").json["metadata"]["public"], False)
        # A cut feed of the same source prunes nothing; the whole one does.
        feed = ("<rss xmlns:g='http://base.google.com/ns/1.0'><channel><item><g:id>x-hat</g:id><g:image_link>hat.jpg"
                "</g:image_link><g:price>15.00 USD</g:price></item></channel></rss>").encode()
        photos = [("hat.jpg", photo)]
        job, done = self.run_list(feed[:-12], photos, format="google-merchant", source="our shop", prune=True)
        self.assertEqual(done["state"], "failed", done)
        self.assertIn("cut off", str(self.results(job, "?failed=true")))
        self.assertEqual(self.ask("GET", "/v1/products/x-hat").json["metadata"]["currency"], "USD")
        self.assertEqual(self.ask("GET", "/v1/products/x-dress").status, 200)
        _, done = self.run_list(feed, photos, format="google-merchant", source="our shop", prune=True)
        self.assertEqual((done["state"], done["counts"]["removed"]), ("done", 2), done)
        self.assertEqual(self.ask("GET", "/v1/products/x-dress").status, 404)
        _, done = self.run_list(shopify, [], format="woocommerce")
        self.assertEqual(done["state"], "failed")
        self.assertIn("looks like Shopify", str(done))

    def test_told(self):
        """What a list is, is told from the list where it is not said."""
        shopify = (b"Handle,Title,Body (HTML),Vendor,Variant SKU,Variant Price,Image Src,Image Position\n"
                   b"told-1,A mug,<p>Soft &amp; warm</p>,Acme,S1,8.90,,\n")
        for text, kind, product in ((shopify, "shopify", "told-1"), (b'{"id": "told-2"}\n', "jsonl", "told-2"),
                                    (b"id,image\ntold-3,\n", "csv", "told-3")):
            job, done = self.run_list(text)
            self.assertEqual((done["state"], done["settings"].get("format"), done["counts"]["products"]), ("done", kind, 1), done)
            self.assertEqual(self.results(job)[0]["product"], product)

    def test_jsonl(self):
        photo = self.shop.photo(self.shop.ids()[0])
        text = '{"sku": "k1", "images": ["C:\\\\x\\\\p.jpg"], "tags": ["a"]}\n{"sku": "k2"}\nnot json\n'.encode()
        job, done = self.run_list(text, [("p.jpg", photo)], format="jsonl", map=["id=sku"])
        self.assertEqual(done["counts"]["products"], 2, done)
        self.assertEqual([(f["line"], f["status"]) for f in self.results(job, "?failed=true")], [(3, 400)])
        self.assertEqual(len(self.ask("GET", "/v1/products/k1").json["photos"]), 1)
        for product in ("k1", "k2"):
            self.ask("DELETE", "/v1/products/" + product)

    def test_server_paths(self):
        """A list names uploads and what is public: nothing of the server is read, whatever it is called."""
        image = os.path.join(self.shop.photos, "images", sorted(os.listdir(os.path.join(self.shop.photos, "images")))[0])
        names = [image, "file://" + image, "../../../../" + image, "/etc/passwd", "http://127.0.0.1/x.jpg"]
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["id", "image"])
        writer.writerows([f"s{i}", name] for i, name in enumerate(names))
        job, done = self.run_list(out.getvalue().encode())
        failed = self.results(job, "?failed=true")
        self.assertEqual(len(failed), len(names), failed)
        self.assertTrue(all("was not uploaded" in f["detail"] or "no public address" in f["detail"] for f in failed), failed)
        for i in range(len(names)):
            photos = self.ask("GET", f"/v1/products/s{i}").json["photos"]
            self.assertEqual([photo for photo in photos if "error" not in photo], [])
            self.ask("DELETE", f"/v1/products/s{i}")

    def fail_all(self, names):
        """A list of these photos, of which none may be had: the details of what was wrong with each."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["id", "images"])
        writer.writerows([f"t{i}", json.dumps([name])] for i, name in enumerate(names))
        job, done = self.run_list(out.getvalue().encode(), [("fine.jpg", self.shop.photo(self.shop.ids()[0]))])
        self.assertEqual((done["state"], done["counts"]["products"]), ("done", len(names)), done)
        self.assertEqual((done["counts"]["embedded"], done["counts"]["reused"], done["counts"]["fetched"]), (0, 0, 0), done)
        failed = {one["product"]: one["detail"] for one in self.results(job, "?failed=true&limit=1000")}
        self.assertEqual(len(failed), len(names))
        self.ask("POST", "/v1/products:remove", {"products": [f"t{i}" for i in range(len(names))]})
        return list(failed.values())

    def test_traversal(self):
        """However a path leads out of what was uploaded, it names no upload, and nothing is read."""
        out = os.path.join(self.shop.folder, "secret.jpg")
        shutil.copy(os.path.join(self.shop.photos, "images", os.listdir(os.path.join(self.shop.photos, "images"))[0]), out)
        ups = ["../", "..\\", "..%2f", "..%5c", "%2e%2e/", "%2e%2e%2f", "..%252f", "..%c0%af", "..%c1%9c", "....//", "..;/", "./../",
               ".%00./", "\u2025/", "\uff0e\uff0e/", "..\u2215", "..\uff0f", "/../", "//../", "photos/../../"]
        names = [up * deep + "secret.jpg" for up in ups for deep in (1, 2, 3, 8)]
        names += [out, "file:" + out, "file://" + out, "file://localhost" + out, "FILE://" + out, "\\\\?\\" + out, "//" + out.lstrip("/"),
                  "/proc/self/root" + out, "/proc/self/cwd/secret.jpg", "~/secret.jpg", "$HOME/secret.jpg", "C:\\secret.jpg", "|" + out]
        self.assertGreaterEqual(len(names), 82)
        for detail in self.fail_all(names):
            self.assertIn("was not uploaded", detail)
        # Nor does an upload's own name lead anywhere.
        job, photo = self.make(), self.shop.photo(self.shop.ids()[0])
        self.ask("PUT", job + "/list", b"id,image\n")
        before = self.tree()
        for name in names:
            answer = self.ask("PUT", f"{job}/photos/{quote(name)}", photo, JPEG)
            self.assertIn(answer.status, (200, 400, 422), (name, answer))
        self.assertEqual({path for path in self.tree() - before if "/shop.niteru/" not in path}, set())
        self.ask("DELETE", job)

    def tree(self):
        return {os.path.join(folder, file) for folder, _, files in os.walk(self.shop.folder) for file in files}

    def test_spellings(self):
        """However this machine's own address is written, nothing is asked of it."""
        listeners = []
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")):
            for port in (80, 443):
                try:
                    listener = socket.socket(family)
                    listener.bind((address, port))
                    listener.listen()
                    listener.setblocking(False)
                    listeners.append(listener)
                except OSError: # not root, or without IPv6: the address is refused all the same
                    pass
        hosts = ["127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "127.0.0.1.", "0x7f.1", "0x7f.0.0.1", "0x7f000001", "0X7F000001",
                 "2130706433", "017700000001", "0177.0.0.1", "0177.1", "0177.0x0.0.1", "0", "0.0.0.0", "00.00.00.00", "0x0", "localhost",
                 "LOCALHOST", "LocalHost.", "[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]", "[::]", "[::ffff:127.0.0.1]", "[::FFFF:7F00:1]",
                 "[0:0:0:0:0:ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::1%25lo]",
                 "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021", "%31%32%37.0.0.1", "%6cocalhost", "user@127.0.0.1",
                 "user:pass@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1:80", "127.0.0.1:080", "127.0.0.1:", "[::1]:80", "localhost:80",
                 "127.0.0.1%00.example.com", "127.0.0.1\\@example.com", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "192.168.0.1",
                 "172.16.0.1", "100.64.0.1"]
        names = [scheme + host + "/x.jpg" for host in hosts for scheme in ("http://", "HTTPS://")]
        self.assertGreaterEqual(len(names), 102)
        self.fail_all(names)
        for listener in listeners:
            with listener, self.assertRaises(BlockingIOError):
                listener.accept()

    def test_prune(self):
        self.run_list(b"id,price\nq1,1\nq2,2\n", source="feed")
        _, done = self.run_list(b"id,price\nq2,3\n", source="feed", prune=True)
        self.assertEqual(done["counts"]["removed"], 1)
        self.assertEqual(self.ask("GET", "/v1/products/q1").status, 404)
        self.assertEqual(self.ask("GET", "/v1/products/q2").json["metadata"]["price"], 3)
        self.assertGreater(len(self.shop.ids()), 10) # what the folder brought stays
        self.ask("DELETE", "/v1/products/q2")

    def test_wrong(self):
        job = self.make()
        self.assertProblem(self.ask("POST", job + ":start"), 409, "job-state")
        self.assertProblem(self.ask("POST", job + ":start", {}), 400, "body-not-expected")
        self.assertProblem(self.ask("PUT", job + "/list", b""), 400, "missing-body")
        self.assertProblem(self.ask("PUT", "/v1/jobs/none/list", b"id\n"), 404, "not-found")
        self.assertProblem(self.ask("GET", "/v1/jobs/..%2F..%2Fetc"), 404, "not-found")
        self.assertProblem(self.ask("POST", "/v1/products:import", {"format": "xls"}), 400, "not-a-choice", "format")
        self.ask("PUT", job + "/list", b"no header\n")
        self.ask("POST", job + ":start")
        done = self.wait(job)
        self.assertEqual(done["state"], "failed", done)
        self.assertIn("no column 'id'", done["message"])
        self.assertNotIn(self.shop.folder, done["message"])
        self.assertProblem(self.ask("PUT", job + "/list", b"id\n"), 409, "job-state")
        too_large = self.shop.raw(f"PUT {self.make()}/photos/a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                  f"Content-Length: {(20 << 20) + 1}\r\n\r\n".encode())
        self.assertIn(b" 413 ", too_large.splitlines()[0])

    def test_removed_meanwhile(self):
        """A job that goes while a photo or its list comes in."""
        for path, code in (("/photos/a.jpg", 404), ("/list", 404)):
            job, photo = self.make(), self.shop.photo(self.shop.ids()[0])
            with socket.create_connection(("127.0.0.1", self.shop.port), timeout=30) as sock:
                sock.sendall(f"PUT {job}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                             f"Content-Length: {len(photo)}\r\nExpect: 100-continue\r\n\r\n".encode())
                self.assertIn(b"100", sock.recv(100)) # the upload has begun
                self.assertEqual(self.ask("DELETE", job).status, 204)
                sock.sendall(photo)
                heard = b""
                while got := sock.recv(65536):
                    heard += got
            self.assertIn(f" {code} ".encode(), heard.splitlines()[0])
            self.assertIn(b'"code":"not-found"', heard.replace(b" ", b""))

    def test_names(self):
        """What is told of a photo names it as it was sent; a name that comes again counts once."""
        photo, job = self.shop.photo(self.shop.ids()[0]), self.make()
        damaged = photo[:200]
        for data in (photo, photo, photo + b"x", damaged):
            seen = self.ask("PUT", job + "/photos/a%2Fone.jpg", data, JPEG).json
            self.assertEqual((seen["uploaded_photos"], seen["uploaded_bytes"]), (1, len(data)))
        own = os.path.join(self.shop.catalogue, "jobs", job.split("/")[-1])
        self.assertEqual(len(os.listdir(os.path.join(own, "photos"))), 1)
        self.ask("PUT", job + "/photos/two.jpg", photo, JPEG)
        self.ask("PUT", job + "/list", b"id,image\nn1,a/one.jpg\n")
        self.ask("POST", job + ":start")
        self.wait(job)
        failed = self.results(job, "?failed=true")
        self.assertEqual([(f["status"], f["code"]) for f in failed], [(422, "damaged-photo")], failed)
        self.assertIn("a/one.jpg", failed[0]["detail"])
        self.assertNotIn(self.shop.folder, failed[0]["detail"])
        self.ask("DELETE", "/v1/products/n1")

    def test_found_again(self):
        """What a server that is killed leaves of jobs: what came in counts, halves are no more, damage is told."""
        served = Shop(10).start()
        try:
            photo, jobs = served.photo(served.ids()[0]), os.path.join(served.catalogue, "jobs")
            open_job, broken = [served.ask("POST", "/v1/products:import", {}).headers["Location"] for _ in range(2)]
            self.assertEqual(served.ask("PUT", open_job + "/photos/a.jpg", photo, JPEG).status, 200)
            served.stop(signal.SIGKILL)
            names = os.path.join(jobs, open_job.split("/")[-1], "photos.jsonl")
            with open(names, "a", encoding="utf-8") as file:
                file.write('{"name": "b", "hash": "../../../../etc/passwd", "bytes": 1}\n{"name": "c", "ha')
            with open(os.path.join(jobs, broken.split("/")[-1], "job.json"), "w", encoding="utf-8") as file:
                file.write('{"state": "runn')
            os.makedirs(os.path.join(jobs, "0123456789abcdef", "photos")) # of a job that was being made
            served.start()
            self.assertFalse(os.path.exists(os.path.join(jobs, "0123456789abcdef")))
            seen = served.ask("GET", open_job).json
            self.assertEqual((seen["uploaded_photos"], seen["uploaded_bytes"]), (1, len(photo)), seen)
            self.assertEqual(served.ask("PUT", open_job + "/photos/d.jpg", photo + b"x", JPEG).status, 200)
            served.stop(signal.SIGKILL)
            served.start()
            seen = served.ask("GET", open_job).json
            self.assertEqual((seen["uploaded_photos"], seen["uploaded_bytes"]), (2, 2 * len(photo) + 1), seen)
            damaged = served.ask("GET", broken).json
            self.assertEqual(damaged["state"], "failed")
            self.assertIn("damaged", damaged["message"])
            self.assertEqual(served.ask("GET", broken + "/results").status, 404)
            self.assertEqual(len(served.ask("GET", "/v1/jobs").json["jobs"]), 2)
            self.assertEqual(served.ask("DELETE", broken).status, 204)
            self.assertEqual(os.listdir(jobs), [open_job.split("/")[-1]])
        finally:
            served.close()

    def test_killed(self):
        """A job that runs when the server is killed goes on with the next."""
        served = Shop(30).start()
        try:
            rows, names = ["id,image"], []
            for i, name in enumerate(sorted(os.listdir(os.path.join(served.photos, "images")))):
                rows.append(f"r{i},{name}")
                names.append(name)
            job = served.ask("POST", "/v1/products:import", {}).headers["Location"]
            served.ask("PUT", job + "/list", "\n".join(rows).encode())
            for name in names:
                with open(os.path.join(served.photos, "images", name), "rb") as file:
                    served.ask("PUT", f"{job}/photos/{name}", file.read() + b"\0", JPEG) # no vector is known of these
            served.ask("POST", job + ":start")
            served.stop(signal.SIGKILL)
            served.start()
            done = self.wait(job, served)
            self.assertEqual((done["state"], done["counts"]["products"]), ("done", len(names)), done)
            self.assertEqual(served.ask("GET", "/v1/products/r0").json["photos"][0]["format"], "jpeg")
        finally:
            served.close()


if __name__ == "__main__":
    shop.main()
