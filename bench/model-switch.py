#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What visitors notice of a change of model. usage: model-switch.py BUILD MODELS [PRODUCTS] [SECONDS]

A catalogue of 10,000 products is served and asked 50 times a second for what looks like a product, each request at its
moment whether or not the one before was answered; the time counts from that moment. Alone, then while another model is
embedded beside the served one, in turns of so many seconds; the model is stopped in between and goes on. Prints CSV:
name,value,unit."""
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

RATE, ASKERS, TURNS = 50, 4, 3


class Server:
    def __init__(self, niteru, catalogue):
        self.process = subprocess.Popen([niteru, "-C", catalogue, "serve", "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline().split(" at ")[1].strip().rsplit(":", 1)[1])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method, path, body=None):
        connection = self.connect()
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json"} if data is not None else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)


def ask_steadily(server, ids, seconds, times):
    """Every ASKERS-th moment by each of as many threads."""
    start = time.monotonic() + 0.1

    def ask(mine):
        connection = server.connect()
        for number in range(mine, int(seconds * RATE), ASKERS):
            moment = start + number / RATE
            time.sleep(max(0, moment - time.monotonic()))
            connection.request("GET", f"/v1/products/{ids[number * 7919 % len(ids)]}/similar")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"similar: {answer.status}")
            times.append(time.monotonic() - moment)
            if answer.getheader("Connection") == "close":
                connection.close()
    threads = [threading.Thread(target=ask, args=(mine,)) for mine in range(ASKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def percentile(times, share):
    return sorted(times)[int(len(times) * share)] * 1000


def main():
    build, models = sys.argv[1:3]
    products = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 30
    niteru = build + "/src/cli/niteru"
    with tempfile.TemporaryDirectory(prefix="niteru-switch-") as folder:
        subprocess.run([build + "/tools/demo/niteru-demo-catalogue", folder + "/photos", "--count", str(products)],
                       check=True, stdout=subprocess.DEVNULL)
        catalogue = folder + "/shop.niteru"
        subprocess.run([niteru, "-C", catalogue, "index", "-q", folder + "/photos/catalog.csv"], check=True)
        listed = subprocess.run([niteru, "-C", catalogue, "list"], check=True, capture_output=True, text=True).stdout.split("\n")
        ids = [urllib.parse.quote(one, safe="") for one in listed if one]
        subprocess.run([niteru, "-C", catalogue, "model", "add", models + "/niteru-base.onnx", "--name", "other", "--preset",
                        "squash-01", "-q"], check=True)
        server = Server(niteru, catalogue)
        try:
            ask_steadily(server, ids, 3, [])
            alone, beside, embedded, spent = [], [], 0, 0
            for _ in range(TURNS):
                ask_steadily(server, ids, seconds, alone)
                job = "/v1/jobs/" + server.ask("POST", "/v1/models/other:switch", {"prepare": True})["job"]
                time.sleep(2)
                before = time.monotonic()
                ask_steadily(server, ids, seconds, beside)
                spent += time.monotonic() - before + 2
                shown = server.ask("GET", job)
                embedded += shown.get("progress", shown["counts"])["embedded"]
                if shown["state"] == "running":
                    server.ask("POST", job + ":stop")
                    while server.ask("GET", job)["state"] == "running":
                        time.sleep(0.1)
                elif shown["state"] == "done":
                    print("# all was embedded: name more products, or fewer seconds", file=sys.stderr)
                    break
            for name, times in (("alone", alone), ("switching", beside)):
                print(f"{name}_p50,{percentile(times, 0.5):.2f},ms")
                print(f"{name}_p99,{percentile(times, 0.99):.2f},ms")
            print(f"p99_ratio,{percentile(beside, 0.99) / percentile(alone, 0.99):.2f},times the p99 alone at {RATE} requests a second")
            print(f"embedded_rate,{embedded / spent:.1f},photos a second beside them")
            print(f"requests,{len(alone) + len(beside)},answered 200")
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
