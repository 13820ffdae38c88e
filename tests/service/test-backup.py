# SPDX-License-Identifier: Apache-2.0
"""Backups of a catalogue while it is served and written: each is the catalogue of one moment, or is not there. Restored,
it holds each product, photo and vector of that moment. NITERU_SEED: of the writes."""
import contextlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import struct
import subprocess
import threading
import time
import unittest

import shop
from shop import Shop, quote
from writer import Writer, state_of

SOURCE = os.environ.get("NITERU_SOURCE")


class Backup(unittest.TestCase):
    def setUp(self):
        self.shop = Shop(30)
        self.place = lambda name: os.path.join(self.shop.folder, name)
        self.addCleanup(self.shop.close)

    def niteru(self, catalogue, *arguments, **more):
        return subprocess.run([shop.NITERU, "-C", catalogue, *arguments], env=self.shop.env, capture_output=True, text=True, **more)

    def done(self, catalogue, *arguments):
        ran = self.niteru(catalogue, *arguments)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def refused(self, said, catalogue, *arguments, **more):
        ran = self.niteru(catalogue, *arguments, **more)
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        self.assertIn(said, ran.stderr)

    def left(self):
        return [name for name in os.listdir(self.shop.folder) if "unfinished" in name]

    def products(self, catalogue):
        """id -> metadata and sizes of photos, and id -> the vector of the first photo."""
        listed = [json.loads(line) for line in self.done(catalogue, "list", "--json").splitlines()]
        folder = self.place("exported")
        shutil.rmtree(folder, ignore_errors=True)
        self.done(catalogue, "export", folder)
        return {product["product"]: state_of(product) for product in listed}, self.vectors(folder)

    @staticmethod
    def vectors(folder):
        with open(os.path.join(folder, "image_vectors.npy"), "rb") as file:
            head = file.read(10)
            shape = file.read(struct.unpack("<H", head[8:10])[0]).decode()
            data = file.read()
        rows = int(re.search(r"\((\d+),", shape)[1])
        width = len(data) // max(rows, 1)
        with open(next(os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".txt")), encoding="utf-8") as file:
            ids = file.read().splitlines()
        found = {}
        for number, product in enumerate(ids):
            found.setdefault(product, data[number * width:(number + 1) * width])
        return found

    # ---- while it is written ----

    def write(self, writer, history, stop):
        with contextlib.closing(self.shop.connect()) as connection:
            while not stop.is_set():
                writer.write(lambda *asked: self.shop.ask(*asked, connection=connection))
                history.append(dict(writer.known))

    def test_moment(self):
        seed = int(os.environ.get("NITERU_SEED") or random.randrange(1 << 32))
        print(f"NITERU_SEED={seed}")
        self.shop.start()
        ids = self.shop.ids()
        photos = {len(photo): (product, photo) for product in ids for photo in [self.shop.photo(product)]}
        writers = [Writer(f"w{i}", [photo for _, photo in photos.values()], random.Random(seed + i)) for i in range(3)]
        histories, stop = [[dict(writer.known)] for writer in writers], threading.Event()
        threads = [threading.Thread(target=self.write, args=(w, h, stop)) for w, h in zip(writers, histories)]
        for thread in threads:
            thread.start()
        spans = []
        try:
            for number in range(4):
                before = [len(history) for history in histories]
                self.done(self.shop.catalogue, "backup", self.place(f"b{number}"))
                spans.append([(first - 1, len(history)) for first, history in zip(before, histories)])
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(self.left(), [])
        for number, span in enumerate(spans):
            target = self.place(f"r{number}")
            self.done(target, "restore", self.place(f"b{number}"))
            self.assertIn("true", self.done(target, "check"))
            found, vectors = self.products(target)
            self.assertEqual(set(ids) - set(found), set())
            for writer, history, (first, last) in zip(writers, histories, span):
                seen = {product: found.get(product) for product in writer.known}
                self.assertIn(seen, history[first:last + 1], f"backup {number}: not the state of one moment")
            for product, (_, sizes) in found.items():
                if sizes and product in vectors: # equal photos have equal vectors
                    self.assertEqual(vectors[product], vectors[photos[sizes[0]][0]], product)
            kept = {os.path.getsize(os.path.join(folder, name)) for folder, _, files in os.walk(os.path.join(target, "photos")) for name in files}
            ours = {size for product, (_, sizes) in found.items() if product not in ids for size in sizes}
            self.assertEqual(kept, ours) # the originals that are shown, and no others
        self.assertGreater(sum(map(len, histories)), 20)

    # ---- which come to nothing ----

    def test_killed(self):
        chance = random.Random(1)
        self.done(self.shop.catalogue, "backup", self.place("whole"))
        for how in [signal.SIGKILL] * 12 + [signal.SIGINT] * 6:
            target = self.place("b")
            process = subprocess.Popen([shop.NITERU, "-C", self.shop.catalogue, "backup", target], env=self.shop.env,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(chance.uniform(0, 0.12))
            process.send_signal(how)
            said, status = process.communicate()[1], process.returncode
            if os.path.exists(target): # it was quicker
                self.assertIn("true", self.done(target, "check"))
                self.assertTrue(os.path.exists(os.path.join(target, "backup.json")))
                shutil.rmtree(target)
            elif how == signal.SIGINT and status != -how and status != 128 + how:
                self.assertEqual((status, self.left()), (1, []), said)
            self.refused("no backup", self.place("r"), "restore", target)
        self.done(self.shop.catalogue, "backup", self.place("b"))
        self.assertEqual(self.left(), [])
        self.assertIn("true", self.done(self.shop.catalogue, "check"))

    def test_killed_restore(self):
        """There is a whole catalogue at its place at every moment."""
        chance = random.Random(2)
        self.done(self.shop.catalogue, "backup", self.place("b"))
        for _ in range(12):
            process = subprocess.Popen([shop.NITERU, "-C", self.shop.catalogue, "restore", "--replace", self.place("b")],
                                       env=self.shop.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.15))
            process.kill()
            process.wait()
            self.assertIn("true", self.done(self.shop.catalogue, "check"))
            self.assertEqual(len(self.done(self.shop.catalogue, "list").split()), 30)
        self.done(self.shop.catalogue, "restore", "--replace", self.place("b"))
        self.assertEqual(self.left(), [])

    def test_full(self):
        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        self.refused("File too large", self.shop.catalogue, "backup", self.place("b"), preexec_fn=small)
        self.assertEqual((os.path.exists(self.place("b")), self.left()), (False, []))
        disk = self.place("disk")
        os.mkdir(disk)
        script = f"mount -t tmpfs -o size=4m none {disk} && touch {disk}/mounted && '{shop.NITERU}' backup {disk}/b; echo $?; ls -A {disk}"
        ran = subprocess.run(["unshare", "-rm", "sh", "-c", script], env=self.shop.env, capture_output=True, text=True)
        if "mounted" not in ran.stdout:
            print("# no small disk can be mounted here: only the limit on a file's size was tried")
            return
        self.assertEqual(ran.stdout.split(), ["1", "mounted"])
        self.assertIn("No space left on device", ran.stderr)
        self.assertIn("true", self.done(self.shop.catalogue, "check"))

    def test_events(self):
        """What visitors did is in a backup that is made while more comes in: all that was acknowledged before."""
        self.shop.start()
        ids, sent, over = self.shop.ids(), [0], threading.Event()

        def send():
            while not over.is_set():
                number = sent[0]
                events = [{"kind": "view", "product": ids[(number + i) % 30], "user": f"u{number % 50}", "id": f"{number}-{i}",
                           "time": time.time() - (number % 3) * 7 * 86400} for i in range(10)]
                self.assertEqual(self.shop.ask("POST", "/v1/events", events).status, 200)
                sent[0] += 1
        sender = threading.Thread(target=send)
        sender.start()
        try:
            backups = []
            while len(backups) < 4:
                before = sent[0]
                place = self.place(f"backup-{len(backups)}")
                self.done(self.shop.catalogue, "backup", place)
                backups.append((place, before))
        finally:
            over.set()
            sender.join()
        self.shop.stop()
        for place, before in backups:
            restored = place + "-restored"
            self.done(restored, "restore", place)
            self.assertIn("sound", self.done(restored, "check", "--json"))
            known = sum(sqlite3.connect(f"file:{os.path.join(restored, 'events', name)}?mode=ro&immutable=1", uri=True)
                        .execute("SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM excess)").fetchone()[0]
                        for name in os.listdir(os.path.join(restored, "events")) if re.fullmatch(r"[0-9-]+\.db", name))
            self.assertGreaterEqual(known, 10 * before)
            self.assertLessEqual(known, 10 * sent[0])
        self.assertEqual(json.loads(self.done(restored, "recommend", "u1", "--json"))["tastes"] != [], True)
        week = next(os.path.join(restored, "events", name) for name in sorted(os.listdir(os.path.join(restored, "events")))
                    if name.startswith("20") and name.endswith(".db"))
        with open(week, "r+b") as file:
            file.seek(os.path.getsize(week) // 2)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 8]))
        damaged = self.niteru(restored, "check")
        self.assertEqual(damaged.returncode, 1)
        self.assertIn(os.path.basename(week), damaged.stdout + damaged.stderr)
        self.assertIn("move the file of events away", damaged.stdout + damaged.stderr)

    def test_places(self):
        self.done(self.shop.catalogue, "key", "create", "--kind", "secret", "--name", "backend", "--quiet")
        with open(os.path.join(self.shop.catalogue, "niteru.conf"), "w", encoding="utf-8") as file:
            file.write("[serve]\n")
        os.chmod(file.name, 0o600)
        backup = self.place("b")
        os.mkdir(backup) # an empty folder is fine
        report = json.loads(self.done(self.shop.catalogue, "backup", backup, "--json"))
        self.assertEqual((report["products"], report["vectors"], report["notes"]), (30, 30, []))
        self.assertEqual(os.stat(backup).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(os.path.join(backup, "niteru.conf")).st_mode & 0o777, 0o600)
        self.refused("is there already", self.shop.catalogue, "backup", backup)
        self.refused("is in the catalogue's own folder", self.shop.catalogue, "backup", os.path.join(self.shop.catalogue, "b"))
        self.refused("no catalogue there", self.place("none"), "backup", self.place("c"))
        self.refused("no backup", self.place("none"), "restore", self.shop.photos)
        self.refused("there is a catalogue already (--replace)", self.shop.catalogue, "restore", backup)
        self.refused("holds other things", self.shop.photos, "restore", backup)
        self.shop.start()
        self.refused("a server runs on it", self.shop.catalogue, "restore", backup, "--replace")
        self.shop.stop()
        self.done(self.shop.catalogue, "remove", "--where", "price >= 0 or price is missing")
        report = json.loads(self.done(self.shop.catalogue, "restore", backup, "--replace", "--json"))
        self.assertEqual(report["products"], 30)
        self.assertTrue(os.path.exists(os.path.join(report["replaced"], "catalogue.db")))
        self.assertIn("backend", self.done(self.shop.catalogue, "key", "list"))
        self.assertEqual(len(self.products(self.shop.catalogue)[0]), 30)
        self.assertFalse(os.path.exists(os.path.join(self.shop.catalogue, "backup.json")))
        os.symlink(self.shop.catalogue, self.place("link"))
        self.done(self.place("link"), "restore", backup, "--replace")
        self.assertTrue(os.path.islink(self.place("link")))
        self.assertEqual(len(self.products(self.shop.catalogue)[0]), 30)

    def test_damaged(self):
        backup, target = self.place("b"), self.place("r")
        self.done(self.shop.catalogue, "backup", backup)
        for name, at in [("catalogue.db", 20000), ("vectors/niteru-base.1.vec", 6000), ("models/niteru-base/model.onnx", 90000)]:
            path = os.path.join(backup, name)
            with open(path, "r+b") as file:
                file.seek(at)
                byte = file.read(1)
                file.seek(at)
                file.write(bytes([byte[0] ^ 1]))
            ran = self.niteru(target, "restore", backup)
            self.assertEqual((ran.returncode, os.path.exists(target), self.left()), (1, False, []), name)
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(byte)
        self.done(target, "restore", backup)

    # ---- of other versions ----

    def layouts(self):
        """The steps of the layout, as the source has them."""
        with open(os.path.join(SOURCE, "src/catalogue/schema.c"), encoding="utf-8") as file:
            text = file.read().split("migrations[] = {", 1)[1]
        steps, step = [], ""
        for comment, literal, mark in re.findall(r'(/\*.*?\*/)|"((?:[^"\\]|\\.)*)"|(,|\};)', text, re.S):
            if mark == ",":
                steps.append(step)
                step = ""
            elif mark:
                return steps
            elif not comment:
                step += literal.replace('\\"', '"')

    def make_backup(self, place, steps, version):
        os.makedirs(os.path.join(place, "vectors"))
        os.mkdir(os.path.join(place, "models"))
        with contextlib.closing(sqlite3.connect(os.path.join(place, "catalogue.db"))) as db:
            for step in steps[:version]:
                db.executescript(step)
            if version >= 5:
                db.executescript("INSERT INTO product_words(rowid, title, body) VALUES(1, '', '')")
            db.executescript(f"INSERT INTO product(id) VALUES('a'); PRAGMA application_id={0x6e697465}; PRAGMA user_version={version}")
        with open(os.path.join(place, "backup.json"), "w", encoding="utf-8") as file:
            json.dump({"format": 1, "niteru": "9.8.7"}, file)

    @unittest.skipIf(SOURCE is None, "NITERU_SOURCE is not set")
    def test_versions(self):
        steps = self.layouts()
        self.assertGreater(len(steps), 6)
        for version in range(3, len(steps) + 1):
            backup, target = self.place(f"old{version}"), self.place(f"r{version}")
            self.make_backup(backup, steps, version)
            self.done(target, "restore", backup)
            self.assertEqual(self.done(target, "list", "-q").split()[0], "a")
            self.assertIn("true", self.done(target, "check"))
            with contextlib.closing(sqlite3.connect(f"file:{backup}/catalogue.db?mode=ro", uri=True)) as db:
                self.assertEqual(db.execute("PRAGMA user_version").fetchone()[0], version) # only read
        newer = self.place("newer")
        self.make_backup(newer, steps, len(steps))
        with contextlib.closing(sqlite3.connect(os.path.join(newer, "catalogue.db"))) as db:
            db.executescript("PRAGMA user_version=999")
        ran = self.niteru(self.place("rn"), "restore", newer)
        self.assertEqual((ran.returncode, self.left()), (1, []))
        for said in ("niteru 9.8.7", "this is niteru ", "layout 999", f"this one knows {len(steps)}"):
            self.assertIn(said, ran.stderr)
        with open(os.path.join(newer, "backup.json"), "w", encoding="utf-8") as file:
            json.dump({"format": 2, "niteru": "9.8.7"}, file)
        self.refused("a backup of format 2, made by niteru 9.8.7", self.place("rn"), "restore", newer)


if __name__ == "__main__":
    shop.main()
