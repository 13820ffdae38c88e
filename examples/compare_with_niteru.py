#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that niteru gives the same five as the usual Python, from the same network and the same photos.

usage: compare_with_niteru.py NETWORK.onnx PRESET LIST.csv|FOLDER                    as similar_python.py does it
       compare_with_niteru.py NETWORK.onnx PRESET LIST.csv|FOLDER --keras WEIGHTS    as similar_keras.py does it
(pip install pillow numpy onnxruntime onnx; with --keras: tensorflow scikit-learn pillow. And niteru.)
LIST.csv has the columns id and image. For every photo the five most alike others are computed in Python, in float32,
and asked of `niteru similar`; the vectors of `niteru export` are compared too. Printed is the share of queries with

    same order     the same five photos in the same order
    same five      the same five photos
    but for ties   at every place of the five, niteru's photo is as alike in Python as Python's own, to within --tie

The exit status is 1 when the last is below 99 %. niteru keeps float16 unless told otherwise (--dtype f4), which moves a
cosine by about 1e-5. With --label, P@1 and P@5 of Python's vectors too, for comparing with `niteru eval --label`.
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

from photos import load, read_source

K = 5


def embed_in_python(options, rows):
    """(n, D) float32 of unit length: by Keras from its own weights, or by ONNX Runtime from the network's file."""
    if options.keras:
        from similar_keras import extract, make_model

        model = make_model(options.keras)
        vectors = [extract(model, row["image"]) for row in rows]
    else:
        from similar_python import Network

        network = Network(options.network)
        vectors = [network.embed(load(row["image"], options.preset, network.width, network.height)) for row in rows]
    vectors = np.stack(vectors).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ask_niteru(options, rows):
    """niteru's five for every row as places in rows, (n, up to K), and its vectors, (n, D)."""
    place = {row["id"]: i for i, row in enumerate(rows)}
    with tempfile.TemporaryDirectory() as folder:
        part = pathlib.Path(folder, "list.csv")
        with open(part, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(["id", "image"])
            out.writerows([row["id"], row["image"]] for row in rows)

        def niteru(*arguments):
            command = [options.niteru, "-C", f"{folder}/shop", *arguments]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"niteru {arguments[0]} ended with status {done.returncode}")
            return done.stdout

        add = ["model", "add", options.network, "--default"]
        niteru(*add, "--name", "compared", "--preset", options.preset, "--dtype", options.dtype)
        if int(PIL.__version__.split(".")[0]) >= 13:  # resizes tall photos in another order than Pillow 12 and niteru
            card = json.loads(niteru("model", "show", "compared", "--json"))["card"]
            card["input"]["flavour"] = "pillow-13"
            pathlib.Path(folder, "card.json").write_text(json.dumps(card), encoding="utf-8")
            niteru(*add, "--name", "compared13", "--card", f"{folder}/card.json")
        niteru("index", str(part))
        niteru("export", f"{folder}/vectors", "--dtype", "f4")
        exported = np.load(f"{folder}/vectors/image_vectors.npy").astype(np.float32)
        ids = pathlib.Path(folder, "vectors", "image_ids.txt").read_text(encoding="utf-8").splitlines()
        given = []
        for first in range(0, len(rows), 500):  # a command line has its limits
            answers = niteru("similar", "--json", "-k", str(K), "--", *list(place)[first : first + 500])
            given += [[place[result["product"]] for result in answer["results"]] for answer in documents(answers)]
    vectors = np.zeros((len(rows), exported.shape[1]), np.float32)
    vectors[[place[name] for name in ids]] = exported
    return given, vectors


def documents(text):
    """JSON documents, one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        answer, at = decoder.raw_decode(text, at)
        yield answer
        while at < len(text) and text[at].isspace():
            at += 1


def agreement(similarity, best, given, tie):
    """How many queries have the same order, the same five, and the same order but for ties."""
    order = five = ties = 0
    for row, expected, got in zip(similarity, best.tolist(), given):
        order += expected == got
        five += set(expected) == set(got)
        ties += len(got) == len(expected) and bool(np.all(np.abs(row[expected] - row[got]) < tie))
    return order, five, ties


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("preset", help="keras-resnet50, torchvision or squash")
    parser.add_argument("source", help="a list or a folder of photos")
    parser.add_argument("--keras", metavar="WEIGHTS", help="let Keras' ResNet50 be Python's side: imagenet, or a file")
    parser.add_argument("--niteru", default="niteru", help="the program")
    parser.add_argument("--dtype", default="f2", help="what niteru keeps: f2 (float16, its default) or f4")
    parser.add_argument("--count", type=int, help="only so many photos")
    parser.add_argument("--tie", type=float, default=1e-4, help="cosines closer than this are equal (1e-4)")
    parser.add_argument("--label", help="a column: print P@1 and P@5 by it")
    options = parser.parse_args()
    if options.keras and options.preset != "keras-resnet50":
        parser.error("--keras is ResNet50: the preset is keras-resnet50")
    rows = read_source(options.source, options.count)
    if len(rows) <= K:
        sys.exit(f"{options.source}: {len(rows)} photos are too few")
    vectors = embed_in_python(options, rows)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    ranked = np.argsort(-similarity, axis=1, kind="stable")
    best = ranked[:, :K]
    gaps = np.take_along_axis(similarity, ranked[:, K - 1 : K + 1], 1) @ [1, -1]
    print(f"Python: {np.median(similarity):.3f} the median cosine, {np.median(gaps):.5f} from the fifth to the sixth")
    if options.label:
        labels = np.array([row[options.label] for row in rows])
        hits = labels[best] == labels[:, None]
        print(f"Python: P@1 {hits[:, 0].mean():.3f}, P@{K} {hits.mean():.3f} by {options.label}")
    given, theirs = ask_niteru(options, rows)
    alike = (vectors * theirs).sum(1) / np.linalg.norm(theirs, axis=1)
    print(f"vectors: {1 - alike.min():.1e} the largest cosine distance between Python's and niteru's")
    counts = agreement(similarity, best, given, options.tie)
    names = ("same order", "same five", "but for ties")
    shares = [f"{name} {100 * count / len(rows):.2f} %" for name, count in zip(names, counts)]
    print(f"{len(rows)} queries: {', '.join(shares)}")
    sys.exit(counts[2] < 0.99 * len(rows))


if __name__ == "__main__":
    main()
