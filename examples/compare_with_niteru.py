#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that niteru gives the same five as the usual Python, from the same network and the same photos.

usage: compare_with_niteru.py NETWORK.onnx PRESET LIST.csv [--niteru PROGRAM] [--count N]
LIST.csv has the columns id and image. For every product the five most alike are computed in Python (similar_python.py,
float32) and asked of `niteru similar`. They agree when both name the same products, or differ only in products whose
similarity differs by less than 0.001 (niteru keeps float16). The exit status is 1 below 99 % agreement.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from similar_python import Network, load


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network")
    parser.add_argument("preset")
    parser.add_argument("list", type=pathlib.Path)
    parser.add_argument("--niteru", default="niteru")
    parser.add_argument("--count", type=int, default=500)
    options = parser.parse_args()
    with open(options.list, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[: options.count]
    network = Network(options.network)
    vectors = np.stack([
        network.embed(load(options.list.parent / row["image"], options.preset, network.width, network.height))
        for row in rows
    ]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = vectors @ vectors.T
    place = {row["id"]: i for i, row in enumerate(rows)}

    with tempfile.TemporaryDirectory() as folder:
        part = pathlib.Path(folder, "list.csv")
        with open(part, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(["id", "image"])
            out.writerows([row["id"], (options.list.parent / row["image"]).resolve()] for row in rows)

        def niteru(*arguments):
            command = [options.niteru, "-C", f"{folder}/shop", *arguments]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        niteru("model", "add", options.network, "--name", "compared", "--preset", options.preset, "--default")
        niteru("index", str(part))
        answers = niteru("similar", "--json", "-k", "5", "--", *place)
    decoder, at, agree = json.JSONDecoder(), 0, 0
    for i in range(len(rows)):
        answer, at = decoder.raw_decode(answers, at)
        at += 1  # the newline between two documents
        given = [place[result["product"]] for result in answer["results"]]
        best = [j for j in np.argsort(-similarity[i], kind="stable") if j != i][:5]
        lost = set(best) - set(given)
        won = set(given) - set(best)
        agree += all(similarity[i, j] - max(similarity[i, w] for w in won) < 1e-3 for j in lost)
    share = agree / len(rows)
    print(f"{len(rows)} queries, the same five for {100 * share:.2f} %")
    sys.exit(share < 0.99)


if __name__ == "__main__":
    main()
