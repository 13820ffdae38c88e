# SPDX-License-Identifier: Apache-2.0
"""What comes from outside to do harm: raw bytes, odd JSON, odd texts, bodies that are too large, clients that are slow.
After each of them the service answers as before, and nothing that was smuggled is ever served."""
import json
import os
import re
import select
import signal
import socket
import subprocess
import unittest

import shop
from shop import Shop, ShopTest, multipart, quote

HOST = b"Host: 127.0.0.1\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"

MALFORMED = [
    b"\r\n\r\n\r\n\0\0", b"GET\r\n\r\n", b"GET /healthz\r\n\r\n", b"GET /healthz HTTP/1.1\n" + HOST + b"\n",
    b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n", b"GET\t/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    b" GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /healthz HTTP/1.1 \r\n" + HOST + b"\r\n",
    b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n", b"GET /healthz http/1.1\r\n" + HOST + b"\r\n",
    b"G\0T /healthz HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /health\0z HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /healthz\x7f HTTP/1.1\r\n" + HOST + b"\r\n", b"GET healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /healthz#top HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /healthz HTTP/1.1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + HOST + b"\r\n", b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b" folded\r\n\r\n", b"GET /healthz HTTP/1.1\r\n" + HOST + b"a\0b: c\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b"a: b\0c\r\n\r\n", b"GET /healthz HTTP/1.1\r\n" + HOST + b"a: b\rc\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b": empty\r\n\r\n", b"GET /healthz HTTP/1.1\r\n" + HOST + b"nothing\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b"a: " + b"x" * 20000 + b"\r\n\r\n",
    b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b"".join(b"a%d: b\r\n" % i for i in range(200)) + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), bytes(range(256)) * 4, b"SSH-2.0-x\r\n\r\n",
]

# Two readings of where a request ends: each carries a second request that must not be seen.
FRAMINGS = [b"Content-Length: 4\r\nContent-Length: 5\r\n", b"Content-Length: 4, 4\r\n", b"Content-Length: +4\r\n",
            b"Content-Length: -1\r\n", b"Content-Length: 0x4\r\n", b"Content-Length: 4 4\r\n", b"Content-Length:\r\n",
            b"Content-Length: 99999999999999999999\r\n", b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked, identity\r\n", b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding: gzip\r\n",
            b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding:\x0bchunked\r\n", b"X: y\nTransfer-Encoding: chunked\r\n"]
CHUNKS = [b"0x2\r\n{}\r\n0\r\n\r\n", b"2\n{}\n0\n\n", b"2;a=\n{}\r\n0\r\n\r\n", b" 2\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n0\r\n\r\n",
          b"fffffffffffffffff\r\n{}\r\n", b"2\r\n{}XX0\r\n\r\n", b"2\r\n{}\r\n0\r\nContent-Length: 9\n\r\n", b"\r\n2\r\n{}\r\n"]

JSON_GOOD = ['""', '"\\u0060\\u012a"', '"\\ud83d\\ude39"', '"\u20ac\U0001d11e"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\x7f"', "1", "-0", "0e1",
             "123.456789", "1E-2", "true", "false", "null", "[]", '["a", 1]', " 1 ", "\t1\n", '"a\\u0bbdb"', '"\ufffe"']
JSON_BAD = ["", "01", "+1", "-", ".5", "1.", "1e", "1e+", "0x1", "1_000", "NaN", "Infinity", "-Infinity", "nul", "True", "'a'", '"a',
            '"\t"', '"\\x00"', '"\\u00A"', '"\\ud800"', '"\\udc00\\ud800"', '"\\', "[1,]", "[,1]", "[1 2]", "[", "]", "[1", "{,}",
            '{"a":1,}', '{"a"}', "{a:1}", '{"a":1 "b":2}', "1 1", "/* */1", "1 // x", "1#", "\u00a01", "\ufeff1", "[" * 500]
JSON_EITHER = ["1e400", "-1e400", "1" * 400, "0." + "1" * 400, "9007199254740993", "18446744073709551616", "1e-999", '"\\u0000"']
JSON_BYTES = [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xe9"', b'"a\0b"', "1".encode("utf-16"), b"\xef\xbb\xbf"]

NAUGHTY = ["undefined", "NULL", "-1", "1/0", "0.0.0", "1e9999", "' OR '1'='1", "\"; DROP TABLE product; --", "%s%n%p", "$(id)", "`id`",
           "{{7*7}}", "<img src=x onerror=alert(1)>", "\u202e\u2066rtl", "\u200b\ufeff", "e\u0301 \u00e9", "Å A\u030a", "Ⅷ①", "田中さん",
           "🏳\ufe0f\u200d🌈", "\U000e0001", "a" * 900, "…", "\\", "\\u0000", "/", "//", ".", "..", "?k=1&k=2", "#", "+", "%2F", "%",
           "a b", "CON", "../../../etc/passwd", "file:///etc/passwd", "a;b", "a:start", "products:batch", "$ne", "=1+1", "@x", "\u2028"]
CONTROLS = ["a\r\nX-Evil: 1", "a\nb", "a\tb", "a\x1bb", "a\x7fb", "a\u0085b", "\r\n\r\n<html>"]

PATHS = ["/../etc/passwd", "/v1/products/../../etc/passwd", "/v1/products/..%2f..%2fetc%2fpasswd/photos/0", "/v1/jobs/..%2f..%2f",
         "/v1/jobs/%2e%2e", "/v1/jobs/..%5c..", "/v1/jobs/x/results/..%2f..%2fx", "//etc/passwd", "/v1//products", "/./healthz",
         "/%2fhealthz", "/healthz%00", "/healthz/", "/healthz;x", "/v1/products/%c0%ae%c0%ae", "/v1/products/%ed%a0%80",
         "/v1/products/%u0041", "/v1/products/%", "/v1/products/%4", "/v1/products/%zz", "/v1/products/%ff", "/v1/products/%00",
         "/v1/products/x/photos/-1", "/v1/products/x/photos/1e3", "/v1/products/x/photos/99999999999999999999",
         "/v1/products/x/photos/0%00", "/v1/products/x/similar?k=%00", "/v1/products/x/similar?%ff=1", "/v1/models?&&=&"]


class Hostile(ShopTest):
    settings = ("head_seconds=1", "body_seconds=2", "idle_seconds=2")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.similar = "/v1/products/" + quote(cls.shop.ids()[0]) + "/similar?k=7"
        cls.usual = cls.shop.ask("GET", cls.similar).json["products"]

    def tearDown(self):
        """It lives, answers as usual, and has served nothing that was smuggled."""
        self.assertEqual(self.ask("GET", self.similar).json["products"], self.usual)
        self.assertEqual(self.ask("GET", "/readyz").status, 200)
        log = [json.loads(line) for line in self.shop.log().splitlines()]
        self.assertFalse([line for line in log if line.get("path") == "/smuggled" or line.get("status") in (500, 503)])

    def status(self, data):
        """Of the only answer to these bytes, behind which the connection is closed."""
        heard = self.shop.raw(data)
        self.assertEqual(len(re.findall(rb"HTTP/1\.1 [0-9]", heard)), 1, heard[:300])
        self.assertIn(b"application/problem+json", heard)
        return int(heard.split(b" ")[1])

    def test_malformed(self):
        for request in MALFORMED:
            with self.subTest(request[:60]):
                self.assertIn(self.status(request + SMUGGLED), (400, 414, 431, 501, 505))

    def test_framing(self):
        start = b"PUT /v1/products/framed HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        for framing in FRAMINGS:
            with self.subTest(framing):
                self.assertIn(self.status(start + framing + b"\r\n0\r\n\r\n" + SMUGGLED), (400, 413, 501))
        for chunks in CHUNKS:
            with self.subTest(chunks):
                self.assertIn(self.status(start + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + SMUGGLED), (400, 413))
        self.assertEqual(self.ask("GET", "/v1/products/framed").status, 404)

    def test_large(self):
        """What is too large is refused by what its head says; or at the limit, where it does not say."""
        start = b"POST /v1/search/image HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\n"
        self.assertEqual(self.status(start + b"Content-Length: %d\r\n\r\n" % (22 << 20)), 413)
        over = self.ask("POST", "/v1/search/image", b"\xff\xd8\xff" + b"x" * (20 << 20), {"Content-Type": "image/jpeg"})
        self.assertProblem(over, 413, "body-too-large", "photo")
        with socket.create_connection(("127.0.0.1", self.shop.port), timeout=30) as sock:
            sock.sendall(start + b"Transfer-Encoding: chunked\r\n\r\n")
            chunk = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
            try:
                for _ in range(40):
                    sock.sendall(chunk)
            except OSError:
                pass # it had heard enough
            sock.settimeout(5)
            try:
                self.assertIn(b" 413 ", sock.recv(65536)[:20])
            except ConnectionResetError:
                pass
        key = b"GET /v1/models HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + b"x" * (1 << 20) + b"\r\n\r\n"
        try:
            self.assertIn(b" 431 ", self.shop.raw(key)[:20])
        except (ConnectionResetError, BrokenPipeError):
            pass # closed while it was being sent

    def put(self, body):
        return self.ask("PUT", "/v1/products/json", body, {"Content-Type": "application/json"})

    def test_json(self):
        for text in JSON_GOOD:
            with self.subTest(text):
                answer = self.put(f'{{"metadata": {{"v": {text}}}}}'.encode())
                self.assertIn(answer.status, (200, 201), answer)
        for value in [text.encode() for text in JSON_BAD] + JSON_BYTES:
            with self.subTest(value[:60]):
                self.assertIn(self.put(b'{"metadata": {"v": ' + value + b"}}").status, (400, 413))
                self.assertIn(self.put(value).status, (400, 413))
        for text in JSON_EITHER:
            with self.subTest(text[:60]):
                self.assertIn(self.put(f'{{"metadata": {{"v": {text}}}}}'.encode()).status, (200, 201, 400))
        self.ask("DELETE", "/v1/products/json")

    def test_texts(self):
        """Any text comes back as it was, as an id and as a value, or is refused."""
        for text in NAUGHTY + CONTROLS:
            with self.subTest(text[:40]):
                path = "/v1/products/" + quote(text).replace(".", "%2E")
                put = self.ask("PUT", path, {"metadata": {"title": text, "brand": text, "category": text}})
                self.assertEqual(put.status, 400 if text in CONTROLS else 201, put)
                self.assertNotIn("X-Evil", put.headers)
                if put.status == 201:
                    got = self.ask("GET", path).json
                    fields = got["metadata"]
                    self.assertEqual({got["product"], fields["title"], fields["brand"], fields["category"]}, {text})
                    alike = self.ask("POST", "/v1/search/text", {"text": text, "k": 1000})
                    self.assertEqual(alike.status, 200, alike)
                    self.assertEqual(self.ask("DELETE", path).status, 204)
                for query in ("where=title%20%3D%20", "where="):
                    odd = self.ask("GET", self.similar + "&" + query + quote(f"'{text}'"))
                    self.assertIn(odd.status, (200, 400), odd)
        self.assertNotIn("<img", self.ask("GET", "/metrics").body.decode())

    def test_paths(self):
        for path in PATHS:
            with self.subTest(path):
                heard = self.shop.raw(f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"Connection: close\r\n\r\n")
                self.assertIn(int(heard.split(b" ")[1]), (400, 404), heard)
                self.assertNotIn(b"root:", heard)

    def test_split(self):
        """Nothing that a client sends becomes a header of an answer, or a line of the log of its own."""
        for text in CONTROLS:
            answer = self.ask("GET", "/v1/products/" + quote(text))
            self.assertIn(answer.status, (400, 404), answer)
            self.assertNotIn("X-Evil", answer.headers)
        made = self.ask("POST", "/v1/products:import", {"source": "a\r\nX-Evil: 1"})
        self.assertNotIn("X-Evil", made.headers)
        if made.status == 201:
            self.ask("DELETE", made.headers["Location"])

    def test_multipart(self):
        photo = self.shop.photo(self.shop.ids()[0])
        body, headers = multipart([("photo", "a.jpg", photo)])
        kind = headers["Content-Type"]
        cases = [(body[:len(body) // 2], kind), (body.replace(b"\r\n", b"\n"), kind), (body, "multipart/form-data"),
                 (body, 'multipart/form-data; boundary=""'), (body, "multipart/form-data; boundary=" + "x" * 300),
                 (b"--xyzzy--\r\n", kind), (b"", kind), (body.replace(b'name="photo"', b""), kind),
                 (b"--xyzzy\r\n" * 1000, kind), (b"--xyzzy\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n1\r\n" * 100, kind)]
        for data, kind in cases:
            with self.subTest(data[:40]):
                answer = self.ask("POST", "/v1/search/image", data, {"Content-Type": kind})
                self.assertIn(answer.status, (400, 413, 415), answer)

    def test_slow(self):
        """Clients that say little or nothing, and those that do not listen, are closed while others are answered."""
        slow = [self.open(i, b"GET /healthz HTTP/1.1\r\nA: ") for i in range(200)]
        slow += [self.open(i, b"PUT /v1/products/slow HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
                           b"Content-Length: 900\r\n\r\n{") for i in range(50)]
        idle = [self.open(i, b"") for i in range(200)] + [self.open(i, b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
                                                         for i in range(200)]
        deaf = [self.open(i, (b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n") * 400, 4096) for i in range(5)]
        waiting = slow + idle
        while waiting:
            self.assertEqual(self.ask("GET", self.similar).json["products"], self.usual)
            ready, _, _ = select.select(waiting, [], [], 20)
            self.assertTrue(ready, f"{len(waiting)} connections are kept")
            waiting = [sock for sock in waiting if sock not in ready or self.hear(sock)]
            for sock in waiting:
                if sock in slow:
                    try:
                        sock.send(b"x")
                    except OSError:
                        pass # closed; the next look at it says so
        self.assertEqual(self.ask("GET", "/v1/products/slow").status, 404)
        for sock in slow + idle + deaf:
            sock.close()

    def open(self, number, data, window=None):
        """A connection from one of many addresses of this machine."""
        sock = socket.socket()
        if window is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        sock.bind((f"127.0.{1 + number % 200}.{1 + number // 200}", 0))
        sock.connect(("127.0.0.1", self.shop.port))
        sock.settimeout(0.5)
        try:
            sock.sendall(data)
        except TimeoutError:
            pass # of the deaf ones
        return sock

    @staticmethod
    def hear(sock):
        """Whether the connection is open still."""
        try:
            return sock.recv(65536) != b""
        except ConnectionResetError:
            return False


    def test_base64(self):
        """Texts that are no photo are told so, and the log stays JSON."""
        for text in ("", "A", "=", "data:,", "data:,A", "-_", "AA==", "%", "\u00e9"):
            answer = self.ask("POST", "/v1/search/image", {"photo": text})
            self.assertIn(answer.status, (400, 415), answer)


class Slow(ShopTest):
    """A condition that takes minutes costs whoever asks it, and nobody else."""
    count, settings = 8, ("loops=1", "readers=1", "stop_seconds=1")

    def test_condition(self):
        ids = self.shop.ids()
        for page in range(10):
            items = [{"product": f"s{page}-{i}", "metadata": {"title": "x" * 2000}} for i in range(400)]
            self.assertEqual(self.ask("POST", "/v1/products:batch", {"products": items}).status, 200)
        dimension = self.ask("GET", "/v1/models").json["models"][0]["dimension"]
        body = json.dumps({"vector": [1] * dimension, "where": " or ".join(f"title~'{i}y'" for i in range(900)),
                           "timeout_ms": 600000}).encode()
        slow = b"POST /v1/search/vector HTTP/1.1\r\n" + HOST
        slow += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        first, second = (socket.create_connection(("127.0.0.1", self.shop.port)) for _ in range(2))
        ahead = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
        first.sendall(slow + ahead)
        for _ in range(20): # on the loop that it came to
            self.assertEqual(self.ask("GET", f"/v1/products/{quote(ids[1])}/similar").status, 200)
        self.assertEqual(self.ask("GET", "/readyz").status, 200) # which waits for no reader
        self.assertEqual(select.select([first], [], [], 0)[0], [])
        first.close() # whose search ends then, or the only reader would be busy for minutes
        self.assertEqual(self.ask("POST", "/v1/search/text", {"text": "x"}).status, 200)
        second.sendall(slow)
        self.assertEqual(self.ask("GET", "/healthz").status, 200)
        self.assertIsNotNone(self.shop.stop())
        second.close()


class Deaf(unittest.TestCase):
    def test_log(self):
        """Whoever does not read the log does not hold up the end."""
        served = Shop(4)
        process = subprocess.Popen([shop.NITERU, "serve", "--listen", "127.0.0.1:0"], env=served.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            served.port = int(process.stdout.readline().strip().rsplit(":", 1)[1])
            connection = served.connect()
            for _ in range(900): # some 200 bytes of the log each, more than a pipe holds
                self.assertEqual(served.ask("GET", "/healthz", connection=connection).status, 200)
            connection.close()
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0)
            self.assertFalse(os.path.exists(os.path.join(served.catalogue, "serve.sock")))
        finally:
            process.kill()
            process.communicate()
            served.close()


if __name__ == "__main__":
    shop.main()
