# SPDX-License-Identifier: Apache-2.0
"""The command line while a server serves the catalogue: its writes are done by the server, and look as they always do."""
import json
import os
import signal
import socket
import subprocess
import time

import shop
from shop import ShopTest, quote


class Local(ShopTest):
    def draw(self, name, count, seed):
        folder = os.path.join(self.shop.folder, name)
        subprocess.run([shop.PICTURES, folder, "--count", str(count), "--seed", str(seed)], check=True,
                       stdout=subprocess.DEVNULL)
        return os.path.join(folder, "images")

    def jobs(self):
        return [line for line in self.shop.log().splitlines() if '"path": "/v1/products:index"' in line]

    def test_index(self):
        images, before = self.draw("more", 6, 7), len(self.jobs())
        with open(os.path.join(images, "broken.jpg"), "wb") as file:
            file.write(b"\xff\xd8\xff\xe0 no photo")
        errors = os.path.join(self.shop.folder, "errors.jsonl")
        done = self.shop.run("index", images, "--errors", errors)
        self.assertEqual(len(self.jobs()), before + 1) # by the server
        self.assertIn("7 products: 6 photos embedded, 0 known already, 1 failed", done.stdout)
        self.assertIn("broken.jpg", done.stderr)
        with open(errors, encoding="utf-8") as file:
            self.assertEqual(json.loads(file.readline())["product"], "broken.jpg")
        name = sorted(os.listdir(images))[-1]
        self.assertEqual(self.ask("GET", f"/v1/products/{quote(name)}/similar").status, 200)
        again = self.shop.run("index", images, "--json", "-q")
        report = json.loads(again.stdout)
        self.assertEqual((report["photos"], report["embedded"], report["reused"]), (7, 0, 6))
        os.remove(os.path.join(images, name))
        pruned = self.shop.run("index", images, "--prune")
        self.assertIn("1 product removed", pruned.stdout)
        self.assertEqual(self.ask("GET", f"/v1/products/{quote(name)}").status, 404)
        itself = self.shop.run("index", images, "--threads", "1") # with threads of its own it works itself
        self.assertEqual(len(self.jobs()), before + 3)
        self.assertIn("6 products", itself.stdout)
        self.assertEqual(self.ask("GET", "/v1/jobs").json["jobs"], [])

    def test_faults(self):
        for arguments, said in [(["/none"], "/none"), ([self.shop.catalogue], "no photo is in it"),
                                ([os.path.join(self.shop.photos, "catalog.csv"), "--map", "id=Nix"], "no column 'Nix'")]:
            done = self.shop.run("index", *arguments, check=False)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(said, done.stderr)
        # A process that comes and goes must find the database in use, and leave its log where it is.
        log = os.path.join(self.shop.catalogue, "catalogue.db-wal")
        before = os.stat(log).st_ino
        images = self.draw("own", 1, 5)
        name = os.listdir(images)[0]
        os.rename(os.path.join(images, name), os.path.join(images, "own-" + name))
        self.shop.run("index", images, "--threads", "1", "-q")
        self.assertEqual(os.stat(log).st_ino, before)

    def test_no_job(self):
        """Why the server could not begin is told as it is."""
        jobs = os.path.join(self.shop.catalogue, "jobs")
        os.makedirs(jobs, exist_ok=True)
        os.rename(jobs, jobs + ".away")
        with open(jobs, "w", encoding="utf-8"):
            done = self.shop.run("index", os.path.join(self.shop.photos, "images"), check=False)
        os.remove(jobs)
        os.rename(jobs + ".away", jobs)
        self.assertEqual(done.returncode, 1)
        self.assertIn("jobs: cannot be made", done.stderr)

    def test_remove(self):
        for product in ("x1", "x2", "x3"):
            self.ask("PUT", "/v1/products/" + product, {"metadata": {"colour": "ultraviolet"}})
        self.assertEqual(self.shop.run("remove", "x1").stdout, "1 removed\n")
        self.assertEqual(self.shop.run("remove", "--where", "colour = 'ultraviolet'").stdout, "2 removed\n")
        self.assertEqual(self.shop.run("remove", "x1", check=False).returncode, 1)
        many = [f"of-a-long-list-of-ids-that-is-more-than-one-request-takes-{i}" for i in range(22000)]
        for product in (many[0], many[-1]):
            self.ask("PUT", "/v1/products/" + product, {"metadata": {}})
        self.assertEqual(self.shop.run("remove", *many).stdout, "2 removed\n")
        self.assertEqual(self.shop.run("remove", "--where", "nix = 1", check=False).returncode, 1)
        self.assertEqual(self.ask("GET", "/v1/products/x2").status, 404)

    def test_stop(self):
        images = self.draw("many", 400, 9)
        running = subprocess.Popen([shop.NITERU, "index", images], env=self.shop.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        for _ in range(200):
            time.sleep(0.02)
            jobs = self.ask("GET", "/v1/jobs").json["jobs"]
            if jobs and jobs[0].get("progress", {}).get("embedded", 0) > 0:
                break
        running.send_signal(signal.SIGINT)
        _, complaint = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 1)
        self.assertIn("run the same command again", complaint)
        done = self.shop.run("index", images, "--json", "-q")
        report = json.loads(done.stdout)
        self.assertEqual(report["products"], 400)
        self.assertGreater(report["reused"], 0)

    def test_told_to_nobody_else(self):
        """A job of the command line tells paths of this machine, and so is told to the command line only."""
        made = self.local("POST", "/v1/products:index", {"path": os.path.join(self.shop.folder, "none.csv")})
        job = "/v1/jobs/" + made["job"]
        for _ in range(600):
            seen = self.ask("GET", job)
            if seen.json["state"] == "failed":
                break
            time.sleep(0.05)
        self.assertIn("none.csv", self.local("GET", job)["message"])
        self.assertNotIn(self.shop.folder, seen.body.decode() + self.ask("GET", "/v1/jobs").body.decode())
        self.assertProblem(self.ask("GET", job + "/results"), 404, "not-found")
        self.assertEqual(self.local("GET", job + "/results")["results"], [])
        self.ask("DELETE", job)

    def local(self, method, path, body=None):
        """As the command line asks, by the socket in the catalogue."""
        data, heard = json.dumps(body).encode() if body else b"", b""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(os.path.join(self.shop.catalogue, "serve.sock"))
            sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
                         f"application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
            while got := sock.recv(65536):
                heard += got
        return json.loads(heard.partition(b"\r\n\r\n")[2])

    def test_not_from_elsewhere(self):
        self.assertProblem(self.ask("POST", "/v1/products:index", {"path": "/etc"}), 404, "no-such-address")
        self.assertNotIn("/v1/products:index", self.ask("GET", "/openapi.json").json["paths"])
        mode = os.stat(os.path.join(self.shop.catalogue, "serve.sock")).st_mode
        self.assertEqual(mode & 0o077, 0)


if __name__ == "__main__":
    shop.main()
