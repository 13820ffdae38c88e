#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How quickly a Shopify export of photos at web addresses is indexed, beside the same files on disk. usage: web-photos.py BUILD [PRODUCTS]

Each product has three photos on a host of this machine that takes 20 ms for each; 16 connections are used. Both are
indexed into catalogues of their own, in turns, three times; medians. Then the export is indexed again without a change, and
the most memory is taken of a whole and of a tenth of it. Prints CSV: name,value,unit."""
import asyncio
import csv
import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

PHOTOS, DELAY, CONNECTIONS = 3, 0.02, 16


class Host:
    """Photos by their names, from memory; counts what it is asked for."""

    def __init__(self, folder):
        self.photos = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                body = file.read()
            self.photos[name] = (body, hashlib.sha256(body).hexdigest())
        self.sent, self.unchanged, ready = 0, 0, threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        ready.wait()

    async def serve(self, ready):
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def answer(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                body, tag = self.photos[head.split(" ", 2)[1].rsplit("/", 1)[1]]
                await asyncio.sleep(DELAY)
                if f'"{tag}"' in head:
                    self.unchanged += 1
                    writer.write(f'HTTP/1.1 304 Not Modified\r\nETag: "{tag}"\r\n\r\n'.encode())
                else:
                    self.sent += 1
                    writer.write(f'HTTP/1.1 200 OK\r\nETag: "{tag}"\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def write_lists(folder, names, port):
    handles = [names[i:i + PHOTOS] for i in range(0, len(names), PHOTOS)]
    with open(folder + "/files.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "images"])
        out.writerows([f"p-{i}", "|".join(f"photos/images/{name}" for name in of)] for i, of in enumerate(handles))
    with open(folder + "/shopify.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["Handle", "Title", "Body (HTML)", "Vendor", "Variant SKU", "Variant Price", "Image Src", "Image Position"])
        for i, of in enumerate(handles):
            for j, name in enumerate(of):
                first = [f"Product {i}", "<p>Soft &amp; warm</p>", "Acme", f"SKU-{i}", "19.90"] if j == 0 else [""] * 5
                out.writerow([f"p-{i}", *first, f"http://127.0.0.1:{port}/cdn/{name}", j + 1])


def index(niteru, catalogue, *args):
    """Seconds, and the most memory in MB."""
    start = time.monotonic()
    run = subprocess.Popen([niteru, "-C", catalogue, "index", "-q", *args])
    _, status, used = os.wait4(run.pid, 0)
    if status != 0:
        sys.exit(f"index {args} failed")
    return time.monotonic() - start, used.ru_maxrss / 1024


def main():
    build, products = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    niteru = build + "/src/cli/niteru"
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    with tempfile.TemporaryDirectory(prefix="niteru-web-photos-") as folder:
        subprocess.run([build + "/tools/demo/niteru-demo-catalogue", folder + "/photos", "--count", str(products * PHOTOS)],
                       check=True, stdout=subprocess.DEVNULL)
        names = sorted(os.listdir(folder + "/photos/images"))[:products * PHOTOS]
        host = Host(folder + "/photos/images")
        write_lists(folder, names, host.port)
        web = ["--format", "shopify", "--allow-private", "--connections", str(CONNECTIONS)]
        rates = {"files": [], "web": []}
        for turn in range(3):
            for kind, args in (("files", [folder + "/files.csv"]), ("web", [folder + "/shopify.csv", *web])):
                catalogue = f"{folder}/{kind}.niteru"
                shutil.rmtree(catalogue, ignore_errors=True)
                seconds, memory = index(niteru, catalogue, *args)
                rates[kind].append(len(names) / seconds)
        files, fetched = (statistics.median(rates[kind]) for kind in ("files", "web"))
        print(f"files_rate,{files:.1f},photos a second")
        print(f"web_rate,{fetched:.1f},photos a second at {CONNECTIONS} connections of {DELAY * 1000:.0f} ms")
        print(f"web_share,{fetched / files:.3f},of the rate of files")
        print(f"web_memory,{memory:.0f},MB")
        print(f"web_sent,{host.sent / 3 / len(names):.3f},times each photo was sent")
        host.sent = host.unchanged = 0
        seconds, _ = index(niteru, folder + "/web.niteru", folder + "/shopify.csv", *web)
        print(f"again,{seconds:.1f},s without a change ({host.unchanged} unchanged and {host.sent} sent)")


if __name__ == "__main__":
    main()
