#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A shop's real folder: photos of many formats among broken ones and files that are none.

usage: mixed-folder.py NITERU PHOTOS_FOLDER [--files N] [--share SHARE] [--rounds R]

Makes a folder of N files (10,000): SHARE (0.6) of them photos of 9 formats made from the JPEGs in PHOTOS_FOLDER, the rest
broken photos, texts, archives, hidden files and formats that are not read; and one with the photos alone. Indexes both in
turns, each time into a fresh catalogue, and prints CSV figure,value,unit: the rates in photos per second (medians of R
rounds), their ratio, and how many files the summary leaves unaccounted for, which must be 0. (pip install pillow)
"""
import argparse
import io
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

from PIL import Image

FORMATS = [("jpg", "JPEG", {"quality": 88}), ("jpeg", "JPEG", {"quality": 80, "progressive": True}), ("png", "PNG", {}),
           ("webp", "WEBP", {"quality": 85}), ("gif", "GIF", {}), ("tif", "TIFF", {"compression": "tiff_lzw"}), ("bmp", "BMP", {}),
           ("avif", "AVIF", {"quality": 70, "speed": 10}), ("jpg_large", "JPEG", {"quality": 90})]


def encode(picture, kind, options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def other(number, chance, photo):
    """A file that is no readable photo: its name and content."""
    kind = number % 10
    if kind < 4:  # broken photos: cut early, or damaged at the head
        cut = photo[: max(20, int(len(photo) * chance.uniform(0.02, 0.5)))] if kind < 2 else b"\xff\xd8\xff\xe0" + chance.randbytes(2000)
        return f"broken-{number}.jpg", cut
    name, content = [("notes-{}.txt", b"sizes and colours\n" * 40), ("prices-{}.csv", b"id,price\n1,2\n" * 30),
                     (".hidden-{}", b"x" * 100), ("archive-{}.zip", b"PK\x03\x04" + chance.randbytes(3000)),
                     ("page-{}.html", b"<html><body>hello</body></html>" * 20),
                     ("scan-{}.pdf", b"%PDF-1.7\n" + chance.randbytes(3000))][kind - 4]
    return name.format(number), content


def make(folder, sources, files, share):
    chance = random.Random(1)
    alone, mixed = folder / "alone", folder / "mixed"
    photos = int(files * share)
    for place in (alone, mixed):
        for part in range(20):
            (place / f"shelf-{part:02}").mkdir(parents=True)
    for number in range(files):
        shelf = f"shelf-{number % 20:02}"
        if number < photos:
            ending, kind, options = FORMATS[number % len(FORMATS)]
            picture = Image.open(sources[number % len(sources)]).convert("RGB")
            picture.putpixel((0, 0), (number % 256, number // 256 % 256, 7))  # no two alike
            picture.putpixel((1, 0), (number // 256 % 256, number % 256, 9))
            content, name = encode(picture, kind, options), f"photo-{number}.{ending}"
            (alone / shelf / name).write_bytes(content)
        else:
            name, content = other(number, chance, sources[number % len(sources)].read_bytes())
        (mixed / shelf / name).write_bytes(content)
    return alone, mixed, photos


def index(niteru, folder, scratch):
    catalogue = scratch / "shop.niteru"
    shutil.rmtree(catalogue, ignore_errors=True)
    done = subprocess.run([niteru, "-C", str(catalogue), "index", str(folder), "--json"], capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"mixed-folder: {done.stderr}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("niteru")
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--share", type=float, default=0.6)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sources = sorted(options.photos.rglob("*.jpg"))[:1000]
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        alone, mixed, photos = make(scratch, sources, options.files, options.share)
        rates = {alone: [], mixed: []}
        for _ in range(options.rounds):
            for folder in (alone, mixed):
                report = index(options.niteru, folder, scratch)
                rates[folder].append(photos / report["seconds"])
        accounted = report["embedded"] + report["reused"] + report["failed"] + report["not_photos"]
        medians = {folder: statistics.median(values) for folder, values in rates.items()}
        print(f"photos alone,{medians[alone]:.1f},1/s\nphotos among others,{medians[mixed]:.1f},1/s")
        print(f"share of the rate,{medians[mixed] / medians[alone]:.3f},ratio")
        print(f"files unaccounted for,{options.files - accounted},files")


if __name__ == "__main__":
    main()
