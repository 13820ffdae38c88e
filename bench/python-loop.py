#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The usual Python loop, timed: one photo after the other, ONNX Runtime with its default threads.

usage: python-loop.py LIST.csv NETWORK.onnx [--preset squash|torchvision|keras-resnet50] [--count N]
Prints one JSON object: photos_per_second, and for "load" (read, decode, resize, scale) and "network" the milliseconds
per photo on the clock (_ms) and of CPU time (_cpu_ms). ONNX Runtime's threads spin for a while after each photo: that
is the network's CPU time, although it falls into the next load. A list without that many photos is used as often as
needed. Called by bench/pipeline. (pip install pillow numpy onnxruntime onnx)
"""
import argparse
import itertools
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples"))
from photos import load, read_source  # noqa: E402
from similar_python import Network  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list")
    parser.add_argument("network")
    parser.add_argument("--preset", default="squash")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    photos = [row["image"] for row in read_source(options.list)]
    photos = list(itertools.islice(itertools.cycle(photos), options.count))
    network = Network(options.network)
    for photo in photos[:3]:  # pages and threads in place
        network.embed(load(photo, options.preset, network.width, network.height))
    vectors = []
    load_wall = load_cpu = 0.0
    start, start_cpu = time.perf_counter(), time.process_time()
    for photo in photos:
        clock, work = time.perf_counter(), time.thread_time()
        pixels = load(photo, options.preset, network.width, network.height)
        load_cpu += time.thread_time() - work
        load_wall += time.perf_counter() - clock
        vectors.append(network.embed(pixels))
    wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    each = 1e3 / len(vectors)
    print(json.dumps({
        "photos": len(vectors),
        "cores": len(os.sched_getaffinity(0)),
        "photos_per_second": len(vectors) / wall,
        "load_ms": each * load_wall,
        "load_cpu_ms": each * load_cpu,
        "network_ms": each * (wall - load_wall),
        "network_cpu_ms": each * (cpu - load_cpu),
    }))


if __name__ == "__main__":
    main()
