# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile without a Docker engine: each stage's RUN and COPY are done in a bare Debian, with chroot, and then the
container's own program is started as its user. NITERU_DEBIAN_ROOT: the folder of a bare Debian 13 (debootstrap
--variant=minbase trixie FOLDER), with /proc mounted in it; it is copied for each stage. Needs to be root."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

SOURCE, ROOT = os.path.realpath(sys.argv[1]), os.environ.get("NITERU_DEBIAN_ROOT")


def steps():
    """(instruction, text), with continued lines joined."""
    with open(os.path.join(SOURCE, "packaging/Dockerfile"), encoding="utf-8") as file:
        text = "".join(line for line in file if not line.lstrip().startswith("#")).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


class Stage:
    def __init__(self, work, name):
        self.root = os.path.join(work, name)
        subprocess.run(["cp", "-a", "--one-file-system", ROOT, self.root], check=True)
        for kind, place in (("proc", "proc"), ("tmpfs", "dev/shm")):
            os.makedirs(os.path.join(self.root, place), exist_ok=True)
            subprocess.run(["mount", "-t", kind, kind, os.path.join(self.root, place)], check=False, stderr=subprocess.DEVNULL)
        for name in ("null", "zero", "urandom", "random"):
            node = os.path.join(self.root, "dev", name)
            if not os.path.exists(node):
                subprocess.run(["cp", "-a", "/dev/" + name, node], check=True)
        shutil.copy("/etc/resolv.conf", os.path.join(self.root, "etc/resolv.conf"))
        shutil.copy("/etc/hosts", os.path.join(self.root, "etc/hosts"))
        self.folder, self.env = "/", {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        self.env.update({name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")})

    def run(self, command, user=None):
        as_user = ["--userspec", user] if user else []
        return ["chroot", *as_user, self.root, "/bin/sh", "-c", f"cd '{self.folder}' && {command}"]

    def inside(self, path):
        return os.path.join(self.root, os.path.join(self.folder, path).lstrip("/"))

    def close(self):
        for place in ("proc", "dev/shm"):
            subprocess.run(["umount", "-l", os.path.join(self.root, place)], check=False, stderr=subprocess.DEVNULL)


def copy(stages, stage, text):
    words = text.split()
    if words[0].startswith("--from="):
        source = stages[words.pop(0)[len("--from="):]].inside(words[0])
        subprocess.run(["cp", "-a", source + "/.", stage.inside(words[1])], check=True)
    else: # the build context: what is committed
        os.makedirs(stage.inside(words[1]), exist_ok=True)
        archive = subprocess.run(["git", "-C", SOURCE, "archive", "HEAD"], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", stage.inside(words[1])], input=archive, check=True)


def try_program(stage, user, command):
    """Whether the container's program answers."""
    process = subprocess.Popen(stage.run(" ".join(command).replace("0.0.0.0:8080", "127.0.0.1:18080"), user), env=stage.env)
    try:
        for _ in range(200):
            try:
                with urllib.request.urlopen("http://127.0.0.1:18080/readyz", timeout=5) as answer:
                    return answer.status == 200
            except OSError:
                time.sleep(0.1)
        return False
    finally:
        process.terminate()
        process.wait(30)


def main():
    if not ROOT or os.geteuid() != 0:
        print("1..0 # SKIP set NITERU_DEBIAN_ROOT to the folder of a bare Debian, as root, to try the Dockerfile's steps")
        return 0
    work, stages, stage, user, entry = tempfile.mkdtemp(prefix="dockerfile-"), {}, None, None, []
    try:
        for instruction, text in steps():
            if instruction == "FROM":
                name = text.split(" AS ")[1] if " AS " in text else "last"
                stage = stages[name] = Stage(work, name)
            elif instruction == "RUN":
                print("# RUN", re.sub(r"\s+", " ", text)[:100], flush=True)
                subprocess.run(stage.run(text), env=stage.env, check=True)
            elif instruction == "COPY":
                copy(stages, stage, text)
            elif instruction == "WORKDIR":
                stage.folder = text
            elif instruction == "ENV":
                stage.env.update([text.split("=", 1)])
            elif instruction == "USER":
                user = text
            elif instruction in ("ENTRYPOINT", "CMD"):
                entry += re.findall(r'"([^"]*)"', text)
        good = try_program(stage, user, entry)
        print("1..1\n" + ("ok" if good else "not ok") + " 1 - the image answers")
        return 0 if good else 1
    finally:
        for one in stages.values():
            one.close()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
