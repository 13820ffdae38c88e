#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The usual Python loop, timed: one photo after the other, ONNX Runtime with its default threads.

usage: python-loop.py LIST.csv NETWORK.onnx [--preset squash|torchvision|keras-resnet50] [--count N]
Prints one JSON object. Called by bench/pipeline.
"""
import argparse
import csv
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples"))
from similar_python import Network, load  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("list", type=pathlib.Path)
    parser.add_argument("network")
    parser.add_argument("--preset", default="squash")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    with open(options.list, newline="", encoding="utf-8") as file:
        photos = [options.list.parent / row["image"] for row in csv.DictReader(file)][: options.count]
    network = Network(options.network)
    network.embed(load(photos[0], options.preset, network.width, network.height))
    vectors = []
    loading = 0.0
    start = time.perf_counter()
    for photo in photos:
        begin = time.perf_counter()
        pixels = load(photo, options.preset, network.width, network.height)
        loading += time.perf_counter() - begin
        vectors.append(network.embed(pixels))
    seconds = time.perf_counter() - start
    print(json.dumps({
        "photos": len(vectors),
        "photos_per_second": len(vectors) / seconds,
        "load_ms": 1e3 * loading / len(vectors),
        "network_ms": 1e3 * (seconds - loading) / len(vectors),
    }))


if __name__ == "__main__":
    main()
