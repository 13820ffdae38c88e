# SPDX-License-Identifier: Apache-2.0
"""The server is killed at random moments while clients write and read. What was acknowledged is there afterwards, what
was not is there wholly or not at all, and the catalogue is sound. NITERU_KILL_ROUNDS: how often (20); NITERU_SEED: of what."""
import contextlib
import http.client
import os
import random
import signal
import threading
import time
import unittest

import shop
from shop import Shop, quote
from writer import Writer, state_of

ROUNDS, WRITERS, READERS = int(os.environ.get("NITERU_KILL_ROUNDS", "20")), 4, 2
GONE = (OSError, http.client.HTTPException)


class Kill(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("NITERU_SEED") or random.randrange(1 << 32))
        self.shop = Shop(30).start()
        self.ids = self.shop.ids()
        photos = {len(photo): photo for photo in map(self.shop.photo, self.ids)}
        self.photos = photos # by size, so that a state tells which photos they are
        self.writers = [Writer(f"w{i}", list(photos.values()), random.Random(self.seed + i)) for i in range(WRITERS)]
        self.wrong = []
        print(f"NITERU_SEED={self.seed}")

    def tearDown(self):
        self.shop.close()

    def write(self, writer):
        """Until the server is gone."""
        try:
            with contextlib.closing(self.shop.connect()) as connection:
                while True:
                    writer.write(lambda *asked: self.shop.ask(*asked, connection=connection))
        except GONE:
            pass
        except AssertionError as error:
            self.wrong.append(str(error))

    def read(self, number):
        chance = random.Random(number)
        try:
            with contextlib.closing(self.shop.connect()) as connection:
                while True:
                    path = f"/v1/products/{quote(chance.choice(self.ids))}/similar?where=" + quote("price >= 0 or price is missing")
                    got = self.shop.ask("GET", path, connection=connection)
                    words = self.shop.ask("POST", "/v1/search/text", {"text": "kleid"}, connection=connection)
                    if got.status != 200 or words.status != 200:
                        self.wrong.append(f"a reader got {got} and {words}")
        except GONE:
            pass

    def everything(self):
        found, after = {}, ""
        while True:
            page = self.shop.ask("GET", "/v1/products?limit=1000" + after).json
            found.update((product["product"], state_of(product)) for product in page["products"])
            if "next" not in page:
                return found
            after = "&after=" + quote(page["next"])

    def find_itself(self, found):
        """A product that was written is found by its photo."""
        for product, (_, sizes) in found.items():
            if product[0] == "w" and product[1].isdigit() and sizes:
                body = {"Content-Type": "image/jpeg"}
                where = self.shop.ask("POST", "/v1/search/image", self.photos[sizes[0]], body).json["products"]
                best = [one["product"] for one in where if one["score"] == where[0]["score"]]
                alike = self.shop.ask("GET", f"/v1/products/{quote(product)}/similar?k=1").json["products"]
                self.assertTrue(product in best or len(best) == len(where), (product, where))
                self.assertEqual(len(alike), 1)
                return

    def round(self, chance, count):
        """Load, a kill, and what is there then."""
        threads = [threading.Thread(target=self.write, args=(writer,)) for writer in self.writers]
        threads += [threading.Thread(target=self.read, args=(i,)) for i in range(READERS)]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.02, 0.5))
        self.shop.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
        self.assertEqual(self.wrong, [])
        if count % 4 == 3:
            checked = self.shop.run("check", check=False)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.shop.start()
        self.assertEqual(self.shop.ask("GET", "/readyz").status, 200)
        found = self.everything()
        self.assertEqual(set(self.ids) - set(found), set())
        self.assertEqual([wrong for wrong in (writer.compare(found) for writer in self.writers) if wrong], [])
        self.find_itself(found)

    def test_kill(self):
        chance = random.Random(self.seed)
        for count in range(ROUNDS):
            self.round(chance, count)
        self.shop.stop()
        checked = self.shop.run("check", check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertGreater(sum(writer.writes for writer in self.writers), ROUNDS) # killed while it worked
        print(f"{ROUNDS} kills, {sum(writer.writes for writer in self.writers)} writes")


if __name__ == "__main__":
    shop.main()
