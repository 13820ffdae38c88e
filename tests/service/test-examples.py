# SPDX-License-Identifier: Apache-2.0
"""examples/http/*: each does every job against a server, with a key and without, and leaves the shop as it was."""
import os
import shutil
import subprocess
import sys
import time
import unittest

import shop
from shop import ShopTest

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "http")


def has_requests():
    return subprocess.run([sys.executable, "-c", "import requests"], capture_output=True).returncode == 0


def has_fetch():
    return shutil.which("node") is not None and subprocess.run(
        ["node", "-e", "process.exit(typeof fetch === 'function' && typeof FormData === 'function' ? 0 : 1)"],
        capture_output=True).returncode == 0


def has_curl():
    return shutil.which("curl") is not None and "--fail-with-body" in subprocess.run(
        ["curl", "--help", "all"], capture_output=True, text=True).stdout


class Examples(ShopTest):
    def run_example(self, *command):
        images = os.path.join(self.shop.photos, "images")
        photos = [os.path.join(images, name) for name in sorted(os.listdir(images))[:2]]
        before = self.shop.ids()
        for key in (False, True):
            env = {name: value for name, value in os.environ.items() if name != "NITERU_KEY"}
            if key:
                env["NITERU_KEY"] = self.shop.run("key", "create", "--kind", "secret", "--name", "k").stdout.strip()
                time.sleep(0.3)
            with self.subTest(key=key):
                done = subprocess.run([*command, self.shop.url, *photos], env=env, capture_output=True, text=True,
                                      timeout=120)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("dress/2", done.stdout)
        self.shop.run("key", "revoke", "k")
        time.sleep(0.3)
        self.assertEqual(self.shop.ids(), before)

    @unittest.skipUnless(has_curl(), "curl 7.76 or newer is not here")
    def test_curl(self):
        self.run_example("sh", os.path.join(FOLDER, "shop.sh"))

    @unittest.skipUnless(has_requests(), "the Python package requests is not here")
    def test_python(self):
        self.run_example(sys.executable, os.path.join(FOLDER, "shop.py"))

    @unittest.skipUnless(has_fetch(), "Node 18 or newer is not here")
    def test_javascript(self):
        self.run_example("node", os.path.join(FOLDER, "shop.mjs"))


if __name__ == "__main__":
    shop.main()
