#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one file of tests of the page in a browser, or skips it in one line where there is none. usage: run.py FOLDER FILE

The packages it takes (package-lock.json) are installed into FOLDER, once for all files, and with them a Node where the
system's is too old for Playwright, as that of Debian 12 is."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TAKEN = ("package.json", "package-lock.json", ".npmrc")
LEAST_NODE = 20


def skip(why):
    print("# SKIP the page in a browser: " + why)
    sys.exit(77)


def answers(*command):
    """Whether a program is there and can be begun; a stand-in for a package that is not installed cannot."""
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def first(names, missing):
    for name in names:
        path = shutil.which(name)
        if path and answers(path, "--version"):
            return path
    return skip(missing)


def is_old(node):
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout # v20.20.2
    return int(said.lstrip("v").split(".")[0]) < LEAST_NODE


def digest(flags):
    with open(os.path.join(HERE, "package-lock.json"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest() + " ".join(flags)


def clean_install(folder, flags=(), env=None):
    npm = first(["npm"], "npm is not installed")
    flags = [*flags, "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"]
    try:
        got = subprocess.run([npm, "ci", *flags], cwd=folder, env=env, capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        skip("npm does not get its packages in time")
    if got.returncode != 0:
        said = [line for line in got.stderr.splitlines() if line.strip()]
        skip("npm cannot get its packages: " + (said[0] if said else "no reason is given"))


def install(folder, flags):
    """The packages, by whoever comes first of the tests that run at the same time."""
    os.makedirs(folder, exist_ok=True)
    done = os.path.join(folder, "installed")
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(done) and open(done, encoding="utf-8").read() == digest(flags):
            return
        for name in TAKEN:
            shutil.copyfile(os.path.join(HERE, name), os.path.join(folder, name))
        clean_install(folder, flags)
        with open(done, "w", encoding="utf-8") as file:
            file.write(digest(flags))


def main():
    folder, file = sys.argv[1:]
    node = first(["node", "nodejs"], "Node is not installed")
    chromium = first(["chromium", "chromium-browser", "google-chrome"], "chromium is not installed")
    old = is_old(node)
    install(folder, [] if old else ["--omit=optional"])
    if old:
        # Not in .bin: npm 9 removes its link there again when the package of the other architecture does not fit.
        node = os.path.join(folder, "node_modules", "node-linux-" + ("arm64" if os.uname().machine == "aarch64" else "x64"), "bin/node")
        if not answers(node, "--version"):
            skip(f"Node is older than {LEAST_NODE}")
    env = dict(os.environ, NITERU_WEB=folder, CHROMIUM=chromium, LANGUAGE="en")
    env.setdefault("NITERU_SCREENSHOTS", os.path.join(folder, "screenshots"))
    sys.exit(subprocess.run([node, "--test-reporter=spec", file], env=env).returncode)


if __name__ == "__main__":
    main()
