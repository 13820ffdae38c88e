# SPDX-License-Identifier: Apache-2.0
"""A served shop for tests: draws pictures, indexes them, starts `niteru serve`, and asks it. Standard library only."""
import base64
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

NITERU, PICTURES = os.environ["NITERU"], os.environ["NITERU_PICTURES"]


def quote(text):
    return urllib.parse.quote(text, safe="")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Shop:
    """A catalogue in a folder of its own, and a server on it."""

    def __init__(self, count=40, settings=(), env=None):
        self.folder = tempfile.mkdtemp(prefix="niteru-service-")
        self.catalogue = os.path.join(self.folder, "shop.niteru")
        self.photos = os.path.join(self.folder, "photos")
        self.settings = list(settings)
        self.env = dict(os.environ, NITERU_CATALOGUE=self.catalogue, LANGUAGE="en", **(env or {}))
        self.process = None
        subprocess.run([PICTURES, self.photos, "--count", str(count)], check=True, stdout=subprocess.DEVNULL)
        self.run("index", os.path.join(self.photos, "catalog.csv"), "-q")

    def run(self, *arguments, check=True):
        done = subprocess.run([NITERU, *arguments], env=self.env, capture_output=True, text=True)
        if check and done.returncode != 0:
            faults = [line for line in self.log().splitlines() if '"level": "error"' in line] if self.process else []
            raise AssertionError(f"niteru {arguments}: {done.stderr}{faults[-5:]}")
        return done

    def key(self, kind, *more):
        """A new key of this kind; a server that runs asks for keys from the first on, a moment later."""
        return self.run("key", "create", "--kind", kind, "--name", kind + str(len(more)), *more).stdout.strip()

    def start(self, *flags):
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([NITERU, "serve", "--listen", "127.0.0.1:0", *self.flags(), *flags],
                                        env=self.env, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        line = self.process.stdout.readline()
        if " at http" not in line:
            raise AssertionError("the server did not start: " + self.log())
        self.url = line.split(" at ")[1].strip()
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def flags(self):
        return [flag for setting in self.settings for flag in ("--set", setting)]

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return file.read()

    def logs(self, text):
        """Whether this is in the log, which is written behind the answers."""
        return self.comes(lambda: text in self.log())

    def comes(self, condition):
        """Whether this comes true: what is counted and written of an answer is so behind it."""
        for _ in range(400):
            if condition():
                return True
            time.sleep(0.05)
        return False

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            status = self.process.wait(30)
            self.process.stdout.close()
            self.process = None
            return status

    def close(self):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method, path, body=None, headers=None, connection=None):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        own = connection or self.connect()
        own.request(method, path, body, headers)
        got = own.getresponse()
        answer = Answer(got.status, got.headers, got.read())
        if connection is None:
            own.close()
        return answer

    def raw(self, data, patience=5):
        """All that comes back for these bytes until the server closes."""
        heard = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as sock:
            sock.sendall(data)
            try:
                while got := sock.recv(65536):
                    heard += got
            except (TimeoutError, ConnectionResetError):
                pass
        return heard

    def ids(self, headers=None):
        return [product["product"] for product in self.ask("GET", "/v1/products?limit=1000", headers=headers).json["products"]]

    def photo(self, product):
        """The file of a product's photo, by the list it came from."""
        images = os.path.join(self.photos, "images")
        with open(os.path.join(images, next(n for n in sorted(os.listdir(images)) if n.startswith(product))), "rb") as file:
            return file.read()


def multipart(fields, boundary="xyzzy"):
    """A body of (name, filename or None, bytes)."""
    out = b""
    for name, filename, data in fields:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        out += f'; filename="{filename}"'.encode() if filename else b""
        out += b"\r\n\r\n" + data + b"\r\n"
    return out + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class ShopTest(unittest.TestCase):
    """Tests on one shop that is served for all of a class."""
    count, settings, flags = 40, (), ()

    @classmethod
    def setUpClass(cls):
        cls.shop = Shop(cls.count, cls.settings).start(*cls.flags)

    @classmethod
    def tearDownClass(cls):
        cls.shop.close()

    def ask(self, *arguments, **named):
        return self.shop.ask(*arguments, **named)

    def assertProblem(self, answer, status, code, field=None):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json
        self.assertEqual((problem["status"], problem["code"], problem.get("field")), (status, code, field), answer)
        self.assertTrue(problem["detail"] and problem["title"], answer)


class KeyedShopTest(ShopTest):
    """Tests on a shop that asks for keys: `secret` of its backend, `public` of its pages."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secret, cls.public = cls.shop.key("secret"), cls.shop.key("publishable")
        time.sleep(0.3)

    def secret_ask(self, method, path, body=None, key=None):
        return self.ask(method, path, body, {"Authorization": f"Bearer {key or self.secret}"})


def main():
    program = unittest.main(verbosity=1 if "-v" not in sys.argv else 2, exit=False)
    for _, reason in program.result.skipped:
        print("# SKIP " + reason) # in the form in which the last lines of `make test` tell them
    sys.exit(not program.result.wasSuccessful())
