#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that niteru gives the same five as the usual Python, from the same network and the same photos.

usage: compare_with_niteru.py NETWORK.onnx PRESET LIST.csv|FOLDER [--niteru PROGRAM] [--count N]
       compare_with_niteru.py NETWORK.onnx PRESET LIST.csv --label category --only-python
LIST.csv has the columns id and image. For every product the five most alike are computed in Python (similar_python.py,
float32) and asked of `niteru similar`; the vectors of `niteru export` are compared too. Two lists of five agree when they
are the same set, or differ only in products whose similarities, in Python, are less than --tie apart (niteru keeps
float16, which moves a cosine by about 1e-5). Exit status 1 below 99 % agreement. With --label, P@1 and P@5 of the Python
vectors are printed too (leave-one-out), for comparing with `niteru eval --label`.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import PIL

from similar_python import Network, load

K = 5
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff"}


def read_source(source, count):
    """[{"id": ..., "image": absolute path, other columns}], from a list or a folder."""
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.suffix.lower() in ENDINGS)
        return [{"id": str(path.relative_to(source)), "image": path.resolve()} for path in files][:count]
    with open(source, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))[:count]
    return [{**row, "image": (source.parent / row["image"]).resolve()} for row in rows]


def top(similarity):
    """(n, K): the most similar others, best first; equals in the order of the list."""
    others = similarity.copy()
    np.fill_diagonal(others, -np.inf)
    return np.argsort(-others, axis=1, kind="stable")[:, :K]


def ask_niteru(program, options, rows):
    """niteru's five for every row, (n, up to K) lists of places, and its vectors, (n, D)."""
    place = {row["id"]: i for i, row in enumerate(rows)}
    with tempfile.TemporaryDirectory() as folder:
        part = pathlib.Path(folder, "list.csv")
        with open(part, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(["id", "image"])
            out.writerows([row["id"], row["image"]] for row in rows)

        def niteru(*arguments):
            done = subprocess.run([program, "-C", f"{folder}/shop", *arguments], stdout=subprocess.PIPE, text=True)
            if done.returncode != 0:
                sys.exit(f"niteru {arguments[0]} ended with status {done.returncode}")
            return done.stdout

        niteru("model", "add", options.network, "--name", "compared", "--preset", options.preset, "--default")
        if int(PIL.__version__.split(".")[0]) >= 13:  # resizes tall photos in another order than Pillow 12 and niteru
            card = json.loads(niteru("model", "show", "compared", "--json"))["card"]
            card["input"]["flavour"] = "pillow-13"
            pathlib.Path(folder, "card.json").write_text(json.dumps(card))
            niteru("model", "add", options.network, "--name", "compared13", "--card", f"{folder}/card.json", "--default")
        niteru("index", str(part))
        niteru("export", f"{folder}/vectors", "--dtype", "f4")
        exported = np.load(f"{folder}/vectors/image_vectors.npy").astype(np.float32)
        ids = pathlib.Path(folder, "vectors", "image_ids.txt").read_text(encoding="utf-8").splitlines()
        answers = []
        for first in range(0, len(rows), 500):  # a command line has its limits
            answers.append(niteru("similar", "--json", "-k", str(K), "--", *list(place)[first : first + 500]))
    vectors = np.empty_like(exported)
    for row, name in enumerate(ids):
        vectors[place[name]] = exported[row]
    text, at, given = "".join(answers), 0, []
    while at < len(text):
        answer, at = json.JSONDecoder().raw_decode(text, at)
        given.append([place[result["product"]] for result in answer["results"]])
        while at < len(text) and text[at].isspace():
            at += 1
    return given, vectors


def agreement(similarity, given, tie):
    """How many queries have the same list, the same set, and the same set but for ties."""
    best = top(similarity)
    lists = sets = tied = 0
    for i, (expected, got) in enumerate(zip(best.tolist(), given)):
        lost, won = set(expected) - set(got), set(got) - set(expected)
        lists += expected == got
        sets += not lost and not won
        tied += len(got) == len(expected) and all(
            similarity[i, j] - min(similarity[i, w] for w in won) < tie for j in lost)
    return lists, sets, tied


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("preset", help="keras-resnet50, torchvision or squash")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--niteru", default="niteru", help="the program")
    parser.add_argument("--count", type=int, default=500, help="photos (500)")
    parser.add_argument("--tie", type=float, default=1e-4, help="cosines closer than this are equal (1e-4)")
    parser.add_argument("--label", help="a column: print P@1 and P@5 by it")
    parser.add_argument("--only-python", action="store_true", help="do not ask niteru")
    options = parser.parse_args()
    rows = read_source(options.source, options.count)
    if len(rows) <= K:
        sys.exit(f"{options.source}: {len(rows)} photos are too few")
    network = Network(options.network)
    vectors = np.stack([
        network.embed(load(row["image"], options.preset, network.width, network.height)) for row in rows
    ]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = vectors @ vectors.T
    if options.label:
        labels = np.array([row[options.label] for row in rows])
        hits = labels[top(similarity)] == labels[:, None]
        print(f"Python: P@1 {hits[:, 0].mean():.3f}, P@{K} {hits.mean():.3f} by {options.label}")
    if options.only_python:
        return
    given, theirs = ask_niteru(options.niteru, options, rows)
    alike = (vectors * theirs).sum(1) / np.linalg.norm(theirs, axis=1)
    lists, sets, tied = agreement(similarity, given, options.tie)
    print(f"vectors: least cosine between Python's and niteru's {alike.min():.6f}, median {np.median(alike):.6f}")
    print(f"{len(rows)} queries: the same five in the same order {100 * lists / len(rows):.2f} %, the same five "
          f"{100 * sets / len(rows):.2f} %, with ties {100 * tied / len(rows):.2f} %")
    sys.exit(tied < 0.99 * len(rows))


if __name__ == "__main__":
    main()
