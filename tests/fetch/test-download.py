# SPDX-License-Identifier: Apache-2.0
"""nt_download against hosts that behave, and hosts that do not. usage: test-download.py DOWNLOAD-TOOL"""
import hashlib
import json
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

import file_server

TOOL = sys.argv.pop(1)
INVALID, NOT_FOUND, LIMIT, CORRUPT, IO, NO_SPACE, TIMEOUT = 1, 2, 4, 5, 7, 8, 11
PUBLIC = "5.5.5.5"  # global unicast as far as its number tells; it never leaves this machine
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
SIZE = 3 * (1 << 20) + 12345


class Download(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="niteru-download-")
        self.data = random.Random(7).randbytes(SIZE)
        self.sha = hashlib.sha256(self.data).hexdigest()
        self.host = file_server.Host({"net": self.data})
        self.path = self.scratch.name + "/net.onnx"

    def tearDown(self):
        self.host.close()
        self.scratch.cleanup()

    def command(self, kind, **options):
        options = {"private": 1, "stall": 1, "delay": 20, **options}
        address = kind if ":" in kind else f"{self.host.url}/{kind}/net"
        return [TOOL, address, self.path, *(f"{name}={value}" for name, value in options.items())]

    def get(self, kind, **options):
        done = subprocess.run(self.command(kind, **options), capture_output=True, text=True, timeout=120)
        self.assertIn(done.returncode, (0, 1), done)
        facts, message = done.stdout.split("\n", 1)
        facts = json.loads(facts)
        facts["message"] = message.strip()
        return facts

    def content(self):
        with open(self.path, "rb") as file:
            return file.read()

    def left(self):
        return sorted(os.listdir(self.path + ".part"))

    def good(self, kind, **options):
        facts = self.get(kind, **options)
        self.assertTrue(facts["ok"], facts)
        self.assertEqual((facts["sha256"], self.content() == self.data), (self.sha, True))
        self.assertEqual(self.left(), [])
        return facts

    def bad(self, kind, code, words, **options):
        facts = self.get(kind, **options)
        self.assertFalse(facts["ok"], facts)
        self.assertEqual(facts["code"], code, facts)
        self.assertIn(words, facts["message"])
        self.assertFalse(os.path.exists(self.path))
        return facts

    def asked(self):
        return [(wanted, status) for _, wanted, _, status in self.host.asked]

    # ---- what goes well ----

    def test_whole(self):
        self.good("good")
        self.assertEqual(self.asked(), [(None, 200)])
        self.good("good", sha256=self.sha.upper(), bytes=SIZE)
        self.assertEqual(len(self.host.asked), 1)  # it is there: nobody was asked
        with open(self.path, "r+b") as file:
            file.write(b"damaged")
        self.good("good", sha256=self.sha)
        self.assertEqual(len(self.host.asked), 2)

    def test_chunked(self):
        self.good("chunked")

    def test_moved(self):
        self.good("moved")
        self.assertEqual([status for _, status in self.asked()], [302, 200])

    def test_busy(self):
        self.good("busy")

    # ---- breaks ----

    def test_cut_again_and_again(self):
        self.good("cut", sha256=self.sha)
        self.assertEqual(self.asked(), [(None, 200)] + [(f"bytes={n << 20}-", 206) for n in (1, 2, 3)])
        self.assertEqual(self.host.sent, SIZE)  # no byte twice

    def test_small_parts(self):
        """Each try brings something, and too little for that to go on without an end."""
        self.host.part = 1000
        self.bad("cut", IO, "less than it had promised")
        self.assertEqual(len(self.host.asked), 5)
        self.host.part = SIZE
        before = self.host.sent
        self.good("cut")
        self.assertEqual(self.host.sent - before, SIZE - 5000)

    def test_nothing_comes(self):
        self.bad("drop", IO, "less than it had promised")
        self.assertEqual(len(self.host.asked), 5)

    def test_stall(self):
        self.host.part = 1000
        self.good("stallonce")
        self.assertEqual(self.host.sent, SIZE)

    def test_chunks_cut(self):
        self.good("chunkcut")
        self.assertEqual(self.asked(), [(None, 200), (f"bytes={1 << 20}-", 206)])

    def test_killed(self):
        self.host.pace = 0.02
        before = 0
        for _ in range(3):
            running = subprocess.Popen(self.command("good"), stdout=subprocess.DEVNULL)
            while self.host.sent < before + (1 << 19):
                time.sleep(0.005)
            running.send_signal(signal.SIGKILL)
            running.wait()
            time.sleep(0.2)  # what was on its way still counts as sent
            before = self.host.sent
        self.host.pace = 0
        self.good("good")
        twice = self.host.sent - SIZE
        print(f"# killed three times in {SIZE} bytes: {twice} bytes were sent twice")
        starts = [int(wanted[6:-1]) for wanted, _ in self.asked() if wanted]
        self.assertEqual(len(starts), 3)
        self.assertEqual(starts, sorted(starts))
        self.assertLess(twice, SIZE)

    def test_two_at_once(self):
        self.host.pace = 0.005
        both = [subprocess.Popen(self.command("good", sha256=self.sha), stdout=subprocess.PIPE) for _ in range(2)]
        for one in both:
            self.assertTrue(json.loads(one.communicate(timeout=60)[0].split(b"\n")[0])["ok"])
        self.assertEqual((len(self.host.asked), self.host.sent), (1, SIZE))

    # ---- validators and ranges ----

    def test_no_strong_validator(self):
        for kind in "noetag", "weak":
            self.host.asked = []
            self.good(kind)
            self.assertEqual(self.asked(), [(None, 200), (None, 200)])
            os.unlink(self.path)

    def test_range_ignored(self):
        self.good("norange")
        self.assertEqual(self.asked(), [(None, 200), (f"bytes={1 << 20}-", 200)])

    def test_another_range(self):
        self.good("otherrange")
        self.assertEqual([status for _, status in self.asked()], [200, 206, 200])

    def test_range_refused(self):
        self.good("refuserange")
        self.assertEqual([status for _, status in self.asked()], [200, 416, 200])

    def test_range_unasked(self):
        self.bad("unasked", IO, "another part of the file than was asked for")

    def test_changed_between_parts(self):
        facts = self.get("changed")
        self.assertTrue(facts["ok"])
        self.assertEqual(self.content(), self.data[::-1])  # one file or the other, never some of each
        self.assertEqual([status for _, status in self.asked()], [200, 206, 200])

    def test_changed_between_runs(self):
        self.host.part = 1000
        self.bad("cut", IO, "promised")
        self.data = self.host.files["net"] = self.data[::-1]
        self.sha = hashlib.sha256(self.data).hexdigest()
        self.host.part = SIZE
        self.good("cut")
        self.assertEqual(self.asked()[-1], ("bytes=5000-", 200))

    def test_part_of_another_address(self):
        self.host.part = 1000
        self.bad("cut", IO, "promised")
        self.good("good")
        self.assertEqual(self.asked()[-1], (None, 200))

    def test_part_of_before_the_start(self):
        """Of the machine: its bytes may be zeros, which only a SHA-256 would show."""
        for known in "", self.sha:
            options = {"sha256": known} if known else {}
            self.host.part = 1000
            self.bad("cut", IO, "promised", **options)
            with open(self.path + ".part/source", encoding="utf-8") as file:
                lines = file.read().split("\n")
            lines[3] = "another"
            with open(self.path + ".part/source", "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            self.host.part = SIZE
            self.good("cut", **options)
            self.assertEqual(self.asked()[-1], ("bytes=5000-", 206) if known else (None, 200))
            os.unlink(self.path)

    def test_part_is_damaged(self):
        self.host.part = 1000
        for source in b"", b"\n\n\n", b"x" * 100000, None:
            self.bad("cut", IO, "promised")
            if source is not None:
                with open(self.path + ".part/source", "wb") as file:
                    file.write(source)
            else:
                with open(self.path + ".part/bytes", "r+b") as file:
                    file.write(b"other")
        self.host.part = SIZE
        self.bad("cut", CORRUPT, self.sha, sha256=self.sha)
        self.assertEqual(self.left(), [])
        self.good("cut", sha256=self.sha)

    # ---- lies ----

    def test_more_promised(self):
        self.bad("big", IO, self.host.url)
        self.assertLessEqual(len(self.host.asked), 8)
        self.assertIn(416, [status for _, status in self.asked()])

    def test_less_promised(self):
        facts = self.bad("small", CORRUPT, f"not {self.sha}", sha256=self.sha)
        self.assertIn(hashlib.sha256(self.data[:-1000]).hexdigest(), facts["message"])
        self.assertEqual(self.left(), [])
        facts = self.bad("small", CORRUPT, f"the published file has {SIZE}", bytes=SIZE)
        self.assertIn(f"has {SIZE - 1000} bytes", facts["message"])

    def test_length_changes(self):
        self.bad("grows", IO, self.host.url)
        self.assertEqual([status for _, status in self.asked()][:3], [200, 206, 200])

    def test_wrong_bytes(self):
        self.bad("wrong", CORRUPT, f"not {self.sha}", sha256=self.sha)
        self.assertEqual(self.left(), [])

    def test_too_much(self):
        facts = self.bad("good", LIMIT, f"has {SIZE} bytes, over the limit of 1000", most=1000)
        self.assertEqual(facts["done"], 0, facts)
        self.bad("endless", LIMIT, "more than the limit of 9999999 bytes", most=9999999)
        self.bad("endless", CORRUPT, f"more than its {SIZE} bytes", bytes=SIZE)

    def test_length_unknown(self):
        facts = self.bad("nolength", INVALID, "does not say how long the file is")
        self.assertEqual(facts["option"], "sha256")
        self.good("nolength", sha256=self.sha)

    def test_nothing_in_it(self):
        self.bad("empty", CORRUPT, "is empty")

    def test_packed(self):
        self.bad("packed", INVALID, "packed")

    def test_refused(self):
        self.bad("nothing", NOT_FOUND, "the host answered 404")
        self.bad("forbidden", INVALID, "the host answered 403")
        self.assertEqual(len(self.host.asked), 2)
        self.bad("sha", INVALID, "64 hexadecimal digits", sha256="abc")

    # ---- elsewhere ----

    def test_for_ever(self):
        self.bad("loop", INVALID, "elsewhere again and again")
        self.assertEqual(len(self.host.asked), 6)

    def test_other_schemes(self):
        for away in "file:///etc/passwd", "ftp://127.0.0.1/net", "http://user:secret@127.0.0.1/net":
            self.host.away = away
            self.bad("leads", INVALID, "the host sends elsewhere: ")

    def test_private(self):
        facts = self.bad("good", INVALID, "port", private=0)
        self.assertEqual(facts["option"], "allow_private")
        for address in "http://127.0.0.1/net", "http://localhost/net", "http://[::1]/net", "http://0x7f.1/net":
            facts = self.bad(address, INVALID, "no public address; nothing was asked", private=0)
            self.assertEqual(facts["option"], "allow_private")
        self.bad("file:///etc/passwd", INVALID, "is no address of http")
        self.assertEqual(self.host.asked, [])

    def test_untrusted(self):
        files = certificate(self.scratch.name)
        if files is None:
            self.skipTest("no openssl")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(files[1], files[0])
        with_tls = file_server.Host({"net": self.data}, tls=tls)
        self.addCleanup(with_tls.close)
        self.bad(f"{with_tls.url}/good/net", INVALID, "certificate")
        self.assertEqual(with_tls.asked, [])

    def test_address_is_not_kept(self):
        """It may hold a key."""
        self.host.part = 1000
        self.bad(f"{self.host.url}/cut/net?key=secret", IO, "promised")
        with open(self.path + ".part/source", encoding="utf-8") as file:
            self.assertNotIn("secret", file.read())
        self.host.part = SIZE
        self.good(f"{self.host.url}/cut/net?key=secret")
        self.assertEqual(self.asked()[-1], ("bytes=5000-", 206))

    def test_nobody(self):
        self.host.close()
        self.bad("good", IO, self.host.url)

    # ---- the rest ----

    def test_deadline(self):
        self.host.pace = 0.05
        self.bad("good", TIMEOUT, "", deadline_ms=300)
        self.host.pace = 0
        self.good("good")

    def test_memory(self):
        """Of 64 MB no more is taken than of 3 MB."""
        few = self.good("good")["memory_kb"]
        os.unlink(self.path)
        self.data = self.host.files["net"] = random.Random(8).randbytes(64 << 20)
        self.sha = hashlib.sha256(self.data).hexdigest()
        many = self.good("good")
        print(f"# memory: {few} kB for {SIZE} bytes, {many['memory_kb']} kB for {len(self.data)}")
        self.assertLess(many["memory_kb"], few + 8000)
        self.assertLessEqual(many["done"], len(self.data))

    def test_link_in_the_way(self):
        os.mkdir(self.path + ".part")
        victim = self.scratch.name + "/victim"
        with open(victim, "w", encoding="utf-8") as file:
            file.write("mine")
        os.symlink(victim, self.path + ".part/bytes")
        self.assertFalse(self.get("good")["ok"])
        with open(victim, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")

    def test_namespace(self):
        """What needs a public address, and a small disk: in namespaces of our own, where the system allows those."""
        inside = ["unshare", "-rnm", "sh", "-c",
                  f"ip link set lo up && ip address add {PUBLIC}/32 dev lo && exec \"$@\"", "sh"]
        if not (shutil.which("unshare") and shutil.which("ip")) or subprocess.run([*inside, "true"], check=False,
                                                                                  capture_output=True).returncode != 0:
            self.skipTest("no namespaces here")
        done = subprocess.run([*inside, sys.executable, __file__, TOOL, "Inside"], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def certificate(folder):
    """A key and a certificate that nobody has signed; None where nothing is here to make them."""
    files = [os.path.join(folder, name) for name in ("tls.key", "tls.crt")]
    made = shutil.which("openssl") and subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", files[0], "-out", files[1]],
        capture_output=True, check=False).returncode == 0
    return files if made else None


class Inside(Download):
    """Run by test_namespace alone."""

    def test_public_leads_to_private(self):
        public = file_server.Host({"net": self.data}, (PUBLIC, 80))
        private = file_server.Host({"net": self.data}, ("127.0.0.1", 80))
        self.addCleanup(public.close)
        self.addCleanup(private.close)
        for away in "http://127.0.0.1/good/net", "http://localhost/good/net", "http://[::ffff:127.0.0.1]/good/net", \
                f"{self.host.url}/good/net":
            public.away = away
            facts = self.bad(f"http://{PUBLIC}/leads/net", INVALID, "", private=0)
            self.assertEqual(facts["option"], "allow_private", facts)
        self.assertEqual((len(public.asked), private.asked, self.host.asked), (4, [], []))
        self.good(f"http://{PUBLIC}/good/net", private=0)

    def test_trusted(self):
        """By a certificate that the system trusts, and on to http, which would not be."""
        files = certificate(self.scratch.name)
        if files is None or not os.path.exists(AUTHORITIES):
            self.skipTest("no openssl, or no ca-certificates")
        subprocess.run(["mount", "--bind", files[1], AUTHORITIES], check=True)
        self.addCleanup(subprocess.run, ["umount", AUTHORITIES], check=True)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(files[1], files[0])
        with_tls = file_server.Host({"net": self.data}, tls=tls)
        self.addCleanup(with_tls.close)
        with_tls.part = 1 << 20
        self.good(f"{with_tls.url}/cut/net")
        os.unlink(self.path)
        with_tls.away = f"{self.host.url}/good/net"
        self.bad(f"{with_tls.url}/leads/net", INVALID, "from https to http")
        self.assertEqual(self.host.asked, [])

    def test_full_disk(self):
        small = self.scratch.name + "/small"
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=18m", "tmpfs", small], check=True)
        self.path = small + "/net.onnx"
        try:
            self.fill()
        finally:
            subprocess.run(["umount", small], check=True)

    def fill(self):
        facts = self.bad("good", NO_SPACE, "MB of space at")  # 16 MiB are left to others
        self.assertEqual(facts["done"], 0, facts)  # the host's system may have sent it all into its buffers by then
        self.host.files["net"] = bytes(20 << 20)
        self.bad("chunked", NO_SPACE, "")  # nothing tells its size before the disk is full
        self.host.files["net"] = self.data[:1000]
        self.assertTrue(self.get("good")["ok"])


if __name__ == "__main__":
    if sys.argv[1:] == ["Inside"]:
        unittest.main(argv=[sys.argv[0], *("Inside." + name for name in
                                           ("test_public_leads_to_private", "test_trusted", "test_full_disk"))])
    unittest.main(argv=[sys.argv[0]], defaultTest="Download")
