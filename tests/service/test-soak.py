# SPDX-License-Identifier: Apache-2.0
"""Full load for a long time: searches of every kind, writes that are read back, and one request in twenty that is wrong.
Nothing fails, nothing is lost, and the server is as large at the end as it was once it was warm. SOAK_SECONDS: how long
(10); from 300 on, memory is held to 2 % and a crowd of 12,000 idle and slow clients comes behind the load."""
import http.client
import json
import os
import random
import re
import select
import socket
import statistics
import threading
import time
import unittest

import shop
from shop import Shop, multipart, quote
from writer import JPEG, Writer, state_of

SECONDS = float(os.environ.get("SOAK_SECONDS", "10"))
LONG = SECONDS >= 300
WRITERS, SEARCHERS = 2, 6
HOST = b"Host: 127.0.0.1\r\n"
BOMB = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\2\0\0\0" + b"\0" * 100


class Process:
    """What the server holds, as the kernel tells."""

    def __init__(self, pid):
        self.folder = f"/proc/{pid}/"

    def memory(self):
        with open(self.folder + "status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read())[1]) / 1024

    def counts(self):
        """Descriptors and threads."""
        return len(os.listdir(self.folder + "fd")), len(os.listdir(self.folder + "task"))

    def settled(self):
        """The counts once connections are closed: those that stay the same for a while."""
        seen = []
        while len(seen) < 60 and (len(seen) < 4 or len(set(seen[-4:])) > 1):
            seen.append(self.counts())
            time.sleep(0.25)
        return seen[-1]


class Soak(unittest.TestCase):
    def setUp(self):
        self.shop = Shop(60, ("log=errors", "publishable_rate=0")).start()
        self.process = Process(self.shop.process.pid)
        self.ids = self.shop.ids()
        self.photos = [self.shop.photo(product) for product in self.ids[:20]]
        self.until, self.wrong, self.counted, self.lock = 0, [], {}, threading.Lock()

    def tearDown(self):
        self.shop.close()

    def count(self, what, answer, wanted):
        with self.lock:
            self.counted[what, answer.status] = self.counted.get((what, answer.status), 0) + 1
            if answer.status not in wanted:
                self.wrong.append(f"{what}: {answer}")
        return answer

    def bad(self, chance):
        """A request that is refused, whatever it does to the connection."""
        photo = chance.choice(self.photos)
        body, form = multipart([("photo", "a.jpg", photo)])
        text = {"Content-Type": "application/json"}
        kind = chance.randrange(8)
        if kind == 0:
            self.shop.raw(bytes(chance.randrange(256) for _ in range(200)) + b"\r\n\r\n")
        elif kind == 1:
            self.shop.raw(b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            asked = [("PUT", "/v1/products/bad", b'{"metadata": {"a": [1, }', text),
                     ("PUT", "/v1/products/bad", b"[" * 5000, text),
                     ("POST", "/v1/search/image", body[:len(body) // 2], form),
                     ("POST", "/v1/search/image", BOMB, JPEG), ("POST", "/v1/search/image", photo[:300], JPEG),
                     ("GET", "/v1/products/x/similar?k=%zz", None, None)][kind - 2]
            self.count("bad", self.shop.ask(*asked), (400, 413, 415, 422))

    def search(self, chance, connection):
        ask = lambda *asked: self.shop.ask(*asked, connection=connection)
        kind, path = chance.random(), "/v1/products/" + quote(chance.choice(self.ids))
        if kind < 0.4:
            self.count("similar", ask("GET", path + "/similar"), (200,))
        elif kind < 0.6:
            where = quote(f"price < {chance.randrange(200)} or category = '{chance.randrange(50)}'")
            self.count("where", ask("GET", f"{path}/similar?where={where}"), (200,))
        elif kind < 0.7:
            self.count("image", ask("POST", "/v1/search/image", chance.choice(self.photos), JPEG), (200,))
        elif kind < 0.9:
            word = chance.choice(("kleid", "suede", "red", "x" * chance.randrange(1, 9)))
            self.count("text", ask("POST", "/v1/search/text", {"text": word}), (200,))
        else:
            some = {"positive": chance.sample(self.ids, 2), "negative": chance.sample(self.ids, 1)}
            self.count("recommend", ask("POST", "/v1/recommend", some), (200,))

    def client(self, number, writer=None):
        chance = random.Random(number)
        try:
            connection, begun = self.shop.connect(), 0
            while time.monotonic() < self.until and not self.wrong:
                begun += 1
                if begun % 500 == 0: # the server closes after 1,000
                    connection.close()
                    connection = self.shop.connect()
                if chance.random() < 0.05:
                    self.bad(chance)
                elif writer is None:
                    self.search(chance, connection)
                else:
                    after = writer.write(lambda *asked: self.shop.ask(*asked, connection=connection))
                    for product, state in after.items():
                        got = self.shop.ask("GET", "/v1/products/" + product, connection=connection)
                        self.count("write", got, (200,) if state else (404,))
                        if state is not None and state_of(got.json) != state:
                            self.wrong.append(f"{product}: {got}, written: {state}")
            connection.close()
        except (AssertionError, OSError, http.client.HTTPException) as error:
            self.wrong.append(repr(error))

    def load(self, seconds, writers):
        """Runs all clients; the server's memory meanwhile."""
        self.until = time.monotonic() + seconds
        threads = [threading.Thread(target=self.client, args=(i,)) for i in range(SEARCHERS)]
        threads += [threading.Thread(target=self.client, args=(100 + i, one)) for i, one in enumerate(writers)]
        for thread in threads:
            thread.start()
        memory = []
        while any(thread.is_alive() for thread in threads):
            time.sleep(min(1, seconds / 20))
            memory.append(self.process.memory())
        self.assertEqual(self.wrong, [])
        return memory

    def test_soak(self):
        writers = [Writer(f"w{i}", self.photos, random.Random(i)) for i in range(WRITERS)]
        self.load(SECONDS / 4, writers)
        warm = self.process.settled()
        memory = self.load(SECONDS * 3 / 4, writers)
        at_end = self.process.settled()
        fifth = max(1, len(memory) // 5)
        first, last = statistics.median(memory[:fifth]), statistics.median(memory[-fifth:])
        print(json.dumps({"seconds": SECONDS, "memory_mb_first": round(first, 1), "memory_mb_last": round(last, 1),
                          "descriptors_threads_warm": warm, "descriptors_threads_end": at_end,
                          "requests": {f"{what} {status}": n for (what, status), n in sorted(self.counted.items())}}))
        # Connections to the database and decoders are made when so many are needed at once, and kept: a few more may be.
        self.assertTrue(at_end[0] <= warm[0] + 8 and at_end[1] <= warm[1] + 2, (warm, at_end))
        self.assertLess(last, first * (1.02 if LONG else 1.5))
        page = self.shop.ask("GET", "/v1/products?limit=1000").json["products"]
        found = {product["product"]: state_of(product) for product in page}
        self.assertEqual([wrong for wrong in (writer.compare(found) for writer in writers) if wrong], [])
        if LONG:
            self.crowd()
        self.shop.stop()
        self.assertEqual(self.shop.run("check", check=False).returncode, 0)

    def times(self, seconds, meanwhile=lambda: None):
        """The median and the 99th percentile of a search, in ms, one after the other."""
        took, until, path = [], time.monotonic() + seconds, "/v1/products/" + quote(self.ids[0]) + "/similar"
        connection = self.shop.connect()
        while time.monotonic() < until:
            if len(took) % 900 == 899:
                connection.close()
            begun = time.monotonic()
            self.assertEqual(self.shop.ask("GET", path, connection=connection).status, 200)
            took.append((time.monotonic() - begun) * 1000)
            meanwhile()
        connection.close()
        cuts = statistics.quantiles(took, n=100)
        return round(cuts[49], 3), round(cuts[98], 3)

    def crowd(self):
        """10,000 idle clients and 2,000 that send a byte of a header every 5 seconds, from 4,000 addresses."""
        alone = self.times(15)
        idle, slow = [], []
        for i in range(12000):
            sock = socket.socket()
            sock.bind((f"127.1.{i % 200}.{1 + i // 200 % 20}", 0))
            sock.connect(("127.0.0.1", self.shop.port))
            if i % 6 == 0:
                sock.send(b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: ")
                slow.append(sock)
            else:
                idle.append(sock)
        self.assertGreater(self.process.counts()[0], 1000)
        turn, fed, begun, open_slow = select.epoll(), [0.0], time.monotonic(), {sock.fileno(): sock for sock in slow}
        for sock in slow:
            turn.register(sock, select.EPOLLIN | select.EPOLLRDHUP)

        def feed():
            for number, _ in turn.poll(0):
                turn.unregister(number)
                open_slow.pop(number)
            if time.monotonic() - fed[0] > 5:
                fed[0] = time.monotonic()
                for sock in open_slow.values():
                    try:
                        sock.send(b"x")
                    except OSError:
                        pass # closed just now
        crowded = self.times(8, feed)
        left_before = len(open_slow)
        while open_slow and time.monotonic() - begun < 60:
            self.times(1, feed)
        print(json.dumps({"alone_ms_p50_p99": alone, "in_a_crowd_ms_p50_p99": crowded, "slow_open_then": left_before,
                          "slow_open_last": len(open_slow), "after_s": round(time.monotonic() - begun, 1)}))
        self.assertEqual(open_slow, {})
        for sock in idle + slow:
            sock.close()


if __name__ == "__main__":
    shop.main()
