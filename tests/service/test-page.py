# SPDX-License-Identifier: Apache-2.0
"""The page as a browser gets it: its files, what it may load, and its words in both languages."""
import gzip
import json
import os
import re
import unittest

import shop
from shop import ShopTest

WORDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../web/src/words")


class Page(ShopTest):
    settings = ("public=true",)

    def test_views(self):
        """Each view's address answers with the same page, whoever asks; other addresses are none."""
        self.shop.run("key", "create", "--kind", "secret", "--name", "s")
        page = self.ask("GET", "/")
        self.assertEqual((page.status, page.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        for path in ("/p/a%2Fb", "/p/x/y", "/photo", "/photo/0123", "/catalogue", "/engine/", "/for-you", "/?q=red&lang=ja"):
            self.assertEqual(self.ask("GET", path).body, page.body, path)
        for path in ("/p", "/photos", "/index", "/assets/", "/assets/../index.html", "/page/index.html", "/v1"):
            self.assertProblem(self.ask("GET", path), 404, "no-such-address")
        self.assertEqual(self.ask("HEAD", "/").status, 200)
        self.assertEqual(self.ask("POST", "/", {}).status, 404)

    def test_files(self):
        """All that the page names is there, in gzip too, and is not sent again to who has it."""
        page = self.ask("GET", "/").body.decode()
        names = re.findall(r'(?:src|href)="(/[^"]*)"', page)
        self.assertGreaterEqual(len(names), 3)
        for name in names:
            plain = self.ask("GET", name)
            self.assertEqual(plain.status, 200, name)
            self.assertEqual(plain.headers["X-Content-Type-Options"], "nosniff")
            small = self.ask("GET", name, headers={"Accept-Encoding": "gzip"})
            if small.headers.get("Content-Encoding") == "gzip":
                self.assertEqual(gzip.decompress(small.body), plain.body)
            again = self.ask("GET", name, headers={"If-None-Match": plain.headers["ETag"]})
            self.assertEqual((again.status, again.body), (304, b""))

    def test_policy(self):
        """Nothing but its own files may run, and the page has no script or style in itself."""
        page = self.ask("GET", "/")
        policy = page.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'; script-src 'self'; style-src 'self'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertIsNone(re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page.body.decode()))

    def test_words(self):
        """Both languages say all, with the same things put in."""
        said = {}
        for language in ("en", "ja"):
            with open(os.path.join(WORDS, language + ".json"), encoding="utf-8") as file:
                said[language] = json.load(file)
        self.assertEqual(list(said["en"]), list(said["ja"]))
        for word, text in said["en"].items():
            self.assertEqual(set(re.findall(r"{\w+}", text)), set(re.findall(r"{\w+}", said["ja"][word])), word)
            self.assertNotIn("!", text)


if __name__ == "__main__":
    shop.main()
