#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `niteru serve` answers a second, beside its parts and beside the usual stack. usage: http-service.py BUILD [PRODUCTS ...]

Catalogues of 1,000 and 100,000 products, 512 numbers each in float16, six fields of metadata; products like a product, by
ids drawn by chance, k = 5, on 1 and on 64 connections, by wrk on the same machine. Beside it:
  library   the library alone, on the same catalogue (bench/http-parts.c): for 1 connection one asker of niteru_similar, for
            64 two that ask 32 at once of nt_search_many
  fixed     niteru's http server with an answer of the same size that is always there
  nginx     the same bytes as a file
  sklearn, faiss   FastAPI on uvicorn with 2 workers (bench/fastapi/app.py)
All of these in turns, three times; medians. Also: the same with a condition, with 100 PATCHes a second beside it, and
searches by a photo. Python's packages go into a folder of the user's cache. Prints CSV: name,value,unit."""
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv[1])
NITERU, PARTS = BUILD + "/src/cli/niteru", BUILD + "/bench/http-parts"
PACKAGES = ("fastapi==0.165.0", "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0", "orjson==3.13.0",
            "scikit-learn==1.9.1", "faiss-cpu==1.15.1", "numpy==2.4.6")
DIM, ROUNDS, SECONDS, WHERE, PATCHES, PATCHERS = 512, 3, 3, "price < 50", 100, 4

# Vectors in clusters of 50 or so; run by the interpreter that has numpy.
MAKE = """
import json, sys, numpy as np
folder, products, dim = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = np.random.default_rng(1)
centres = chance.standard_normal((max(1, products // 50), dim), np.float32)
vectors = centres[chance.integers(0, len(centres), products)] + chance.standard_normal((products, dim), np.float32)
np.save(folder + "/vectors.npy", vectors)
with open(folder + "/ids.txt", "w") as file:
    file.writelines(f"product-{i:07d}\\n" for i in range(products))
kinds, colours = ["Dress", "Bag", "Shoes", "Coat", "Hat"], ["red", "blue", "green", "black"]
json.dump([{"title": f"{colours[i % 4]} {kinds[i % 5].lower()} {i}", "category": kinds[i % 5], "brand": f"Brand {i % 97}",
            "price": round(float(p), 2), "currency": "EUR", "colour": colours[i % 4]}
           for i, p in enumerate(chance.uniform(1, 100, products))], open(folder + "/metadata.json", "w"))
"""


def say(name, value, unit):
    print(f"{name},{value:.4g}" if value < 100 else f"{name},{value:.0f}", unit, sep=",", flush=True)


def note(text):
    print("http-service.py:", text, file=sys.stderr, flush=True)


def install():
    """A Python that has the packages."""
    folder = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "niteru-venv", "bench")
    python, done, wanted = folder + "/bin/python", folder + "/installed", " ".join(PACKAGES)
    if not os.path.exists(done) or open(done, encoding="utf-8").read() != wanted:
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        with open(done, "w", encoding="utf-8") as file:
            file.write(wanted)
    return python


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def until_open(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise RuntimeError("a server did not start")


class Servers:
    """Programs that listen; all are stopped at the end."""

    def __init__(self):
        self.running = []

    def start(self, *command, **named):
        self.running.append(subprocess.Popen(command, **named))
        return self.running[-1]

    def niteru(self, catalogue):
        port = free_port()
        self.start(NITERU, "-C", catalogue, "serve", "--listen", f"127.0.0.1:{port}", "--set", "log=errors",
                   "--set", "publishable_rate=0", "--set", "client_connections=1000", stdout=subprocess.DEVNULL)
        return until_open(port)

    def fixed(self, size):
        return int(self.start(PARTS, "serve", str(size), stdout=subprocess.PIPE, text=True).stdout.readline())

    def nginx(self, folder, size):
        port, root = free_port(), folder + "/nginx"
        os.makedirs(root)
        with open(root + "/answer", "w", encoding="ascii") as file:
            file.write("x" * size)
        with open(root + "/conf", "w", encoding="ascii") as file:
            user = "user root; " if os.getuid() == 0 else ""
            file.write(f"daemon off; {user}worker_processes 2; pid {root}/pid; error_log {root}/log; events {{ }}\n"
                       f"http {{ access_log off; sendfile on; tcp_nopush on; open_file_cache max=10; default_type application/json;\n"
                       f"server {{ listen 127.0.0.1:{port}; root {root}; location / {{ try_files /answer =404; }} }} }}\n")
        self.start("nginx", "-c", root + "/conf", "-e", root + "/log")
        return until_open(port)

    def fastapi(self, python, data, search):
        port = free_port()
        one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        self.start(python, "-m", "uvicorn", "app:app", "--app-dir", HERE + "/fastapi", "--port", str(port), "--workers", "2",
                   "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
                   env=dict(os.environ, VECTORS=data + "/vectors.npy", METADATA=data + "/metadata.json", SEARCH=search, **one))
        until_open(port)
        for _ in range(20): # so that both workers have loaded
            ask(port, "/v1/products/product-0000001/similar")
        return port

    def stop(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait()


def ask(port, path, method="GET", body=None, headers=None, connection=None):
    own = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    own.request(method, path, body, headers or {})
    answer = own.getresponse()
    data = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {data[:300]}")
    if connection is None:
        own.close()
    return data


def processor_us(pid):
    """Processor time of a process, its children and theirs, which says more than a rate where others work too."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK") + sum(map(processor_us, children))


def settle(pid):
    """Waits until a server has done what nobody waits for any more: uvicorn answers what it has taken, for seconds."""
    before = None
    while before is None or processor_us(pid) > before:
        before = processor_us(pid)
        time.sleep(0.4)


def wrk(server, connections, products, query="", settled=True):
    """Answers a second, the median and the 99th percentile in ms, and us of the server's processors for an answer."""
    port, pid = server
    before = processor_us(pid)
    command = ["wrk", "-t", str(min(2, connections)), "-c", str(connections), "-d", f"{SECONDS}s", "--timeout", "60s",
               "-s", HERE + "/http-similar.lua", f"http://127.0.0.1:{port}", "--", str(products), query]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("RESULT ")[1]
    requests, took, median, last, faults = map(int, told.split())
    used = processor_us(pid) - before
    if settled:
        settle(pid)
    if faults * 100 > requests:
        raise RuntimeError(f"wrk: {faults} of {requests} failed")
    return requests / took * 1e6, median / 1000, last / 1000, used / requests


def parts(*arguments):
    told = subprocess.run([PARTS, *arguments], check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in (line.split(",") for line in told.split())}


class Patching:
    """100 PATCHes a second while it is entered, by four clients: one alone waits for each answer."""

    def __init__(self, port, products):
        self.port, self.products, self.done, self.count = port, products, False, 0
        self.threads = [threading.Thread(target=self.run) for _ in range(PATCHERS)]

    def run(self):
        connection = None
        for count in range(sys.maxsize):
            if count % 900 == 0:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            ask(self.port, f"/v1/products/product-{random.randrange(self.products):07d}", "PATCH",
                json.dumps({"metadata": {"stock": count + 1}}), {"Content-Type": "application/json"}, connection)
            self.count += 1
            time.sleep(max(0, self.begun + (count + 1) * PATCHERS / PATCHES - time.monotonic()))
            if self.done:
                return connection.close()

    def __enter__(self):
        self.begun = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done, self.rate = True, self.count / (time.monotonic() - self.begun)
        for thread in self.threads:
            thread.join()


def fill(python, folder, products, dim, *options):
    """A catalogue with these vectors and their metadata; its folder."""
    catalogue = folder + "/shop.niteru"
    subprocess.run([python, "-c", MAKE, folder, str(products), str(dim)], check=True)
    subprocess.run([NITERU, "-C", catalogue, "-q", "import", folder + "/vectors.npy", folder + "/ids.txt", *options], check=True)
    with open(folder + "/metadata.json", encoding="utf-8") as file:
        metadata = json.load(file)
    servers = Servers()
    try:
        port = servers.niteru(catalogue)
        for first in range(0, products, 1000):
            some = [{"product": f"product-{i:07d}", "metadata": metadata[i]} for i in range(first, min(first + 1000, products))]
            ask(port, "/v1/products:batch", "POST", json.dumps({"products": some}), {"Content-Type": "application/json"})
    finally:
        servers.stop()
    return catalogue


def middle(values):
    return statistics.median(values)


def tell(products, connections, seen, parts_of):
    """The figures of one catalogue and number of connections."""
    name = f"_{products}_of_{connections}"
    rate = {who: middle([one[0] for one in values]) for who, values in seen.items()}
    for who, value in rate.items():
        say(who + name, value, "answers a second")
        say(f"{who}_processor{name}", middle([one[3] for one in seen[who]]), "us of processors an answer")
    median, last = (middle([one[i] for one in seen["similar"]]) for i in (1, 2))
    say("similar_p50" + name, median, "ms")
    say("similar_p99" + name, last, "ms")
    say("similar_p99_over_p50" + name, last / median, "times")
    key = "alone" if connections == 1 else "together"
    for who, where in (("similar", ""), ("where", "where_")):
        library = middle([one[key] for one in parts_of[where]])
        say(f"library_{where}{key}{name}", library, "answers a second")
        say(f"{who}_over_parts{name}", rate[who] * (1 / library + 1 / rate["fixed"]), "of 1/(1/library + 1/fixed)")
    say("fixed_over_nginx" + name, rate["fixed"] / rate["nginx"], "times")
    say("beside_patches_over_similar" + name, rate["patched"] / rate["similar"], "of the rate without")
    say("similar_over_better_fastapi" + name, rate["similar"] / max(rate["sklearn"], rate["faiss"]), "times")


def measure(python, folder, products):
    os.makedirs(folder)
    catalogue = fill(python, folder, products, DIM, "--model", "m", "--dtype", "f2")
    servers, where = Servers(), "&where=" + urllib.parse.quote(WHERE)
    try:
        niteru = servers.niteru(catalogue)
        size = len(ask(niteru, "/v1/products/product-0000001/similar?k=5"))
        say(f"answer_{products}", size, "bytes")
        start = {"similar": lambda: niteru, "fixed": lambda: servers.fixed(size), "nginx": lambda: servers.nginx(folder, size),
                 "sklearn": lambda: servers.fastapi(python, folder, "sklearn"),
                 "faiss": lambda: servers.fastapi(python, folder, "faiss")}
        niteru_pid, others = servers.running[-1].pid, {}
        for who, begin in start.items():
            others[who] = (begin(), niteru_pid if who == "similar" else servers.running[-1].pid)
        seen, parts_of, patched = {1: {}, 64: {}}, {"": [], "where_": []}, []
        for turn in range(ROUNDS):
            note(f"{products} products, turn {turn + 1}, load average {os.getloadavg()[0]:.1f}")
            parts_of[""].append(parts("library", catalogue, str(products)))
            parts_of["where_"].append(parts("library", catalogue, str(products), WHERE))
            for connections, rates in seen.items():
                for who, server in others.items():
                    rates.setdefault(who, []).append(wrk(server, connections, products))
                rates.setdefault("where", []).append(wrk(others["similar"], connections, products, where))
                with Patching(niteru, products) as patching:
                    rates.setdefault("patched", []).append(wrk(others["similar"], connections, products, settled=False))
                patched.append(patching.rate)
                settle(others["similar"][1])
        for connections, rates in seen.items():
            tell(products, connections, rates, parts_of)
        say(f"patches_{products}", middle(patched), "a second")
    finally:
        servers.stop()


def times(port, paths, count):
    """The median of requests one after the other, in ms."""
    connection, took = http.client.HTTPConnection("127.0.0.1", port, timeout=60), []
    for i in range(count):
        begun = time.monotonic()
        ask(port, *paths(i), connection=connection)
        took.append((time.monotonic() - begun) * 1000)
    connection.close()
    return middle(took)


def measure_photos(python, folder, products):
    """A search by a photo, beside decoding and embedding it and beside a search by a product; niteru's own model."""
    os.makedirs(folder)
    subprocess.run([BUILD + "/tools/demo/niteru-demo-catalogue", folder + "/photos", "--count", "4"], check=True,
                   stdout=subprocess.DEVNULL)
    os.environ.setdefault("NITERU_MODELS", HERE + "/../models")
    subprocess.run([NITERU, "-C", folder + "/shop.niteru", "-q", "index", folder + "/photos/images"], check=True)
    catalogue = fill(python, folder, products, 256, "--model", "niteru-base", "--mix")
    photo = folder + "/photos/images/" + sorted(os.listdir(folder + "/photos/images"))[0]
    with open(photo, "rb") as file:
        body = file.read()
    servers, seen = Servers(), {"embed": [], "photo": [], "product": []}
    try:
        port = servers.niteru(catalogue)
        for _ in range(ROUNDS):
            seen["embed"].append(parts("embed", catalogue, photo)["embed"])
            seen["photo"].append(times(port, lambda i: ("/v1/search/image", "POST", body, {"Content-Type": "image/jpeg"}), 100))
            seen["product"].append(times(port, lambda i: (f"/v1/products/product-{i * 97 % products:07d}/similar",), 200))
    finally:
        servers.stop()
    embed, by_photo, by_product = (middle(seen[what]) for what in ("embed", "photo", "product"))
    say("photo_embed", embed, "ms")
    say(f"photo_search_{products}", by_photo, "ms")
    say(f"product_search_{products}", by_product, "ms")
    say(f"photo_above_embed_over_product_{products}", (by_photo - embed) / by_product, "times")


def main():
    python = install()
    folder = tempfile.mkdtemp(prefix="niteru-http-")
    try:
        for products in [int(text) for text in sys.argv[2:]] or [1000, 100000]:
            measure(python, f"{folder}/{products}", products)
        measure_photos(python, folder + "/photos", 100000)
        say("load_average", os.getloadavg()[0], "at the end with this bench in it")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
