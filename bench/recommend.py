#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What visitors of known tastes are recommended, and how fast. usage: recommend.py BUILD SHARED [--part quality|speed]
[--work FOLDER] [--most VISITORS] [--minutes N]

Quality, on the demo's catalogue and on SHARED/data/clothing, with niteru-base and SHARED/models/mobilenetv2-imagenet.onnx.
A visitor has 1 to 6 categories that they like, drawn uniformly; each click is with 20 % on any product, else on one of
a category of theirs. Then each is asked for 10 products that they have not seen:
- niteru: GET /v1/users/{id}/recommend, over HTTP, without the share that gets the visual order or chance, and without
  what other visitors did: a scenario has co-clicked and bought-together switched off.
- with_others: the same as it is without that scenario: every visitor measured knows those before it and beside it.
- oracle: the same candidates as niteru, order and choice as src/recommend, with the same vectors and the tastes that the visitor
  has: the medoid of the clicks on each. Its liked products are 1.
- similar: what looks like the last product. mean: what is nearest to the mean of all vectors.
- co-clicks: cosine of products over the visitors who clicked them, of so many other visitors with 30 clicks each.
Ratios are of means over the same visitors, with 95 % intervals (bootstrap, 2,000). How many visitors it takes is
computed from a pilot of 100 others: with 90 % power, at 5 % on both sides, a ratio is told from the one that is wanted
that is 0.02 off it (liked), 0.1 off it (tastes covered), or an index 0.03 off (adjusted Rand).

Speed, with 100,000 vectors of 256 numbers around 500 centres. Needs numpy. Prints CSV: name,value,unit. With --work
the catalogues are kept there and used again."""
import argparse
import collections
import csv
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import numpy

K, OFF_TASTE, TASTES, DIVERSITY, Z = 10, 0.2, 6, 0.3, 1.959964 + 1.281552
quote = urllib.parse.quote


def say(name, value, unit):
    unit = unit.replace(",", ";")  # the table has no quotes
    print(f"{name},{value:.4g},{unit}" if isinstance(value, float) else f"{name},{value},{unit}", flush=True)


def note(text):
    print("# " + text, file=sys.stderr, flush=True)


class Server:
    def __init__(self, niteru, catalogue):
        self.process = subprocess.Popen([niteru, "-C", catalogue, "serve", "--listen", "127.0.0.1:0", "--set", "control_percent=0", "--set",
                                         "random_percent=0"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline().split(" at ")[1].strip().rsplit(":", 1)[1])
        self.local = threading.local()

    def ask(self, method, path, body=None):
        if getattr(self.local, "connection", None) is None:
            self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        data = json.dumps(body).encode() if body is not None else None
        self.local.connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        answer = self.local.connection.getresponse()
        text = answer.read()
        if answer.getheader("Connection") == "close":
            self.local.connection.close()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def send(self, events):
        """All of them, none refused."""
        for first in range(0, len(events), 1000):
            answer = self.ask("POST", "/v1/events", events[first:first + 1000])
            if answer["new"] != len(events[first:first + 1000]):
                sys.exit(f"events: {[answer[name] for name in ('new', 'known', 'over', 'refused')]}")

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


# ---- a shop, and visitors of known tastes ----

class Shop:
    def __init__(self, niteru, folder, source, model, by):
        catalogue, exported = folder + ".niteru", folder + ".vectors"
        if not os.path.exists(exported + "/image_vectors.npy"):
            if model is not None:
                subprocess.run([niteru, "-C", catalogue, "model", "add", model, "--preset", "squash", "--default", "-q"], check=True)
            subprocess.run([niteru, "-C", catalogue, "index", "-q", source], check=True)
            subprocess.run([niteru, "-C", catalogue, "export", exported, "--dtype", "f4", "-q"], check=True)
        with open(exported + "/image_ids.txt") as ids:
            listed = ids.read().split("\n")
        rows = numpy.load(exported + "/image_vectors.npy").astype(numpy.float64)
        first = {}
        for row, product in enumerate(listed):
            if product and product not in first:
                first[product] = row
        self.ids = list(first)
        self.number = {product: number for number, product in enumerate(self.ids)}
        self.vectors = rows[list(first.values())]
        self.vectors /= numpy.linalg.norm(self.vectors, axis=1, keepdims=True)
        with open(source, newline="") as file:
            values = {row["id"]: tuple(row[field] for field in by) for row in csv.DictReader(file)}
        count = collections.Counter(values[product] for product in self.ids)
        self.names = sorted(value for value, many in count.items() if many >= 3)
        place = {value: number for number, value in enumerate(self.names)}
        self.value = numpy.array([place.get(values[product], -1) for product in self.ids])
        self.of = [numpy.flatnonzero(self.value == number) for number in range(len(self.names))]
        self.likeness = self.vectors @ self.vectors.T
        placed = self.vectors - self.vectors.mean(axis=0)
        self.placed = placed / numpy.linalg.norm(placed, axis=1, keepdims=True)
        name = "niteru-base" if model is None else os.path.basename(model)[:-5]
        shown = subprocess.run([niteru, "-C", catalogue, "model", "show", name, "--json"], check=True, capture_output=True)
        self.score_points = numpy.array(json.loads(shown.stdout)["card"]["scores"]).T
        self.server = Server(niteru, catalogue)
        self.server.ask("PUT", "/v1/scenarios/alone", {"sources": {"co-clicked": 0, "bought-together": 0}})

    def scores(self, raw):
        """0 .. 1, as the card of a model has them: src/embed/scores.c."""
        return numpy.interp(raw, self.score_points[0], self.score_points[1] / 100)


Visitor = collections.namedtuple("Visitor", "name tastes clicks")  # clicks: products by number, the last one last


def make_visitor(shop, random, name, clicks):
    tastes = random.choice(len(shop.names), min(1 + random.integers(TASTES), len(shop.names)), replace=False)
    seen = {}
    while len(seen) < clicks:
        taste = tastes[random.integers(len(tastes))]
        any_product = random.random() < OFF_TASTE
        seen.setdefault(int(random.integers(len(shop.ids)) if any_product else random.choice(shop.of[taste])))
        if len(seen) >= sum(len(shop.of[t]) for t in tastes) // 2:
            break  # they like few products, and must not have seen all of them
    return Visitor(name, set(int(t) for t in tastes), list(seen))


def send_clicks(shop, visitors):
    now = time.time() - 5
    shop.server.send([{"kind": "click", "product": shop.ids[product], "user": visitor.name, "time": now - len(visitor.clicks) + place}
                      for visitor in visitors for place, product in enumerate(visitor.clicks)])


# ---- what each way recommends: products by number ----

def unseen(visitor, products):
    return [product for product in products if product not in visitor.clicks][:K]


def from_niteru(shop, visitor, scenario="alone"):
    answer = shop.server.ask("GET", f"/v1/users/{quote(visitor.name)}/recommend?k={K}&metadata=false&diversity={DIVERSITY}&scenario={scenario}")
    return unseen(visitor, [shop.number[one["product"]] for one in answer["products"]]), answer["tastes"]


def from_similar(shop, visitor):
    answer = shop.server.ask("GET", f"/v1/products/{quote(shop.ids[visitor.clicks[-1]], safe='')}/similar?k={K + len(visitor.clicks)}&metadata=false")
    return unseen(visitor, [shop.number[one["product"]] for one in answer["products"]])


def from_mean(shop, visitor):
    mean = shop.vectors[visitor.clicks].mean(axis=0)
    answer = shop.server.ask("POST", "/v1/search/vector", {"vector": [float(x) for x in mean], "k": K + len(visitor.clicks), "metadata": False})
    return unseen(visitor, [shop.number[one["product"]] for one in answer["products"]])


def medoid(shop, products):
    centre = shop.placed[products].mean(axis=0)
    return products[int(numpy.argmin(((shop.placed[products] - centre) ** 2).sum(axis=1)))]


def from_oracle(shop, visitor):
    """src/recommend/candidates.c and pick.c with the tastes that the visitor has."""
    groups = [[product for product in visitor.clicks if shop.value[product] == taste] for taste in sorted(visitor.tastes)]
    groups = sorted((group for group in groups if group), key=len, reverse=True)
    if not groups:
        return []
    importance = [len(group) for group in groups]
    seeds = [(medoid(shop, group), 1.0, place) for place, group in enumerate(groups)]
    if visitor.clicks[-1] not in [seed for seed, _, _ in seeds]:
        seeds.append((visitor.clicks[-1], 0.25, -1))
    seen, candidates = set(visitor.clicks), {}
    for seed, share, taste in seeds:
        order = numpy.argsort(-shop.likeness[seed], kind="stable")[:50 + len(seen)]
        for product in [int(one) for one in order if int(one) not in seen][:50]:
            score = float(shop.scores(shop.likeness[seed, product]))
            one = candidates.setdefault(product, {"taste": -1, "score": 0.0, "worth": 0.0})
            if taste >= 0 and (one["taste"] < 0 or score > one["score"]):
                one["taste"], one["score"] = taste, score
            one["worth"] += (share * score) ** 0.5
    ways = [sorted(((-one["worth"] ** 2, product) for product, one in candidates.items() if one["taste"] == taste))[:100]
            for taste in range(len(groups))]
    places, like, picked = [0] * len(groups), collections.defaultdict(float), []
    while len(picked) < K and any(ways):
        taste = max((t for t in range(len(groups)) if ways[t]), key=lambda t: importance[t] ** 2 / (2 * places[t] + 1))
        best = max(ways[taste], key=lambda one: (1 - DIVERSITY) * -one[0] - DIVERSITY * like[one[1]])
        ways[taste].remove(best)
        picked.append(best[1])
        places[taste] += 1
        for _, product in ways[taste]:
            like[product] = max(like[product], float(shop.scores(shop.likeness[product, best[1]])))
    return picked


class CoClicks:
    """The cosine of products over the visitors who clicked them."""

    def __init__(self, shop, random, visitors):
        clicked = numpy.zeros((visitors, len(shop.ids)), dtype=numpy.float32)
        for number in range(visitors):
            clicked[number, make_visitor(shop, random, "", 30).clicks] = 1
        norm = numpy.sqrt(numpy.maximum(clicked.sum(axis=0), 1))
        self.likeness = (clicked.T @ clicked) / norm / norm[:, None]

    def recommend(self, visitor):
        scores = self.likeness[visitor.clicks].sum(axis=0)
        scores[visitor.clicks] = -1
        return [int(one) for one in numpy.argsort(-scores, kind="stable")[:K] if scores[one] > 0]


# ---- how good that is ----

def liked(shop, visitor, products):
    return sum(int(shop.value[product]) in visitor.tastes for product in products)


def covered(shop, visitor, products):
    return len({int(shop.value[product]) for product in products} & visitor.tastes)


def rand_index(left, right):
    """Adjusted, Hubert and Arabie 1985."""
    left, right = numpy.array(left), numpy.array(right)
    upper = numpy.triu_indices(len(left), 1)
    a, b = (left[:, None] == left)[upper], (right[:, None] == right)[upper]
    chance = a.sum() * b.sum() / max(len(a), 1)
    most = (a.sum() + b.sum()) / 2
    return float(((a & b).sum() - chance) / (most - chance)) if most - chance > 1e-9 else 1.0


def cluster(shop, products, count):
    """Average linkage down to so many clusters."""
    groups = [[place] for place in range(len(products))]
    costs = 2 - 2 * shop.placed[products] @ shop.placed[products].T
    numpy.fill_diagonal(costs, numpy.inf)
    while len(groups) > count:
        a, b = sorted(divmod(int(numpy.argmin(costs)), len(groups)))
        merged = (len(groups[a]) * costs[a] + len(groups[b]) * costs[b]) / (len(groups[a]) + len(groups[b]))
        costs[a], costs[:, a] = merged, merged
        costs[a, a] = numpy.inf
        costs = numpy.delete(numpy.delete(costs, b, 0), b, 1)
        groups[a] += groups.pop(b)
    return groups


def judge_tastes(shop, visitor, tastes):
    """An answer names the medoid of each taste and not its members. So the index over clicks on taste twice: of the tree
    of src/recommend cut at as many clusters, and of each click with the nearest medoid; and the share of medoids that
    are the tree's too. (The mean that is taken off is here that of all vectors, there that of 512.)"""
    served = [shop.number[one["product"]] for one in tastes]
    groups = cluster(shop, visitor.clicks, max(len(served), 1))
    mine = {medoid(shop, [visitor.clicks[place] for place in group]) for group in groups}
    of = {visitor.clicks[place]: number for number, group in enumerate(groups) for place in group}
    near = numpy.argmax(shop.placed[visitor.clicks] @ shop.placed[served].T, axis=1) if served else [0] * len(visitor.clicks)
    nearest = dict(zip(visitor.clicks, near))
    on_taste = [product for product in visitor.clicks if int(shop.value[product]) in visitor.tastes]
    hidden = [shop.value[product] for product in on_taste]
    return (rand_index([of[product] for product in on_taste], hidden), rand_index([nearest[product] for product in on_taste], hidden),
            len(mine & set(served)) / max(len(served), 1))


def measure(shop, random, count, label, co_clicks):
    """A row of figures for each of `count` visitors with 10 clicks, and of as many with 30."""
    visitors = [make_visitor(shop, random, f"{label}-{number}", 10) for number in range(count)]
    longer = [make_visitor(shop, random, f"{label}-30-{number}", 30) for number in range(count)]
    send_clicks(shop, visitors + longer)
    rows = []
    for visitor, long in zip(visitors, longer):
        ways = {"oracle": from_oracle(shop, visitor), "similar": from_similar(shop, visitor), "mean": from_mean(shop, visitor)}
        ways["niteru"], tastes = from_niteru(shop, visitor)
        ways["with_others"], _ = from_niteru(shop, visitor, "default")
        ways |= {f"co_clicks_{many}": way.recommend(visitor) for many, way in co_clicks.items()}
        row = {"tastes": len(visitor.tastes), "short": K - len(ways["niteru"])}
        for name, products in ways.items():
            row["liked_" + name], row["covered_" + name] = liked(shop, visitor, products), covered(shop, visitor, products)
        row["index_10"], row["nearest_10"], _ = judge_tastes(shop, visitor, tastes)
        products, tastes = from_niteru(shop, long)
        row["index_30"], row["nearest_30"], row["same"] = judge_tastes(shop, long, tastes)
        row["found_30"], row["liked_30"] = len(tastes), liked(shop, long, products)
        row["oracle_30"] = liked(shop, long, from_oracle(shop, long))
        rows.append(row)
    return {name: numpy.array([row[name] for row in rows], dtype=float) for name in rows[0]}


def needed(a, b, wanted, margin):
    return int(numpy.ceil((Z / (margin * b.mean())) ** 2 * numpy.var(a - wanted * b, ddof=1)))


def say_ratio(name, a, b, unit):
    picks = numpy.random.default_rng(2).integers(0, len(a), (2000, len(a)))
    ratios = a[picks].mean(axis=1) / b[picks].mean(axis=1)
    low, high = numpy.quantile(ratios, [0.025, 0.975])
    say(name, float(a.mean() / b.mean()), f"{unit} (95 % {low:.3f} to {high:.3f}; {a.mean():.2f} over {b.mean():.2f})")


def say_mean(name, a, unit):
    say(name, float(a.mean()), f"{unit} (95 % +- {1.96 * a.std(ddof=1) / len(a) ** 0.5:.3f})")


def say_quality(name, found):
    several = found["tastes"] >= 3
    count, many = len(several), int(several.sum())
    say_ratio(f"{name}_liked", found["liked_niteru"], found["liked_oracle"], f"of the oracle's liked products of 10; {count} visitors")
    say_ratio(f"{name}_liked_30", found["liked_30"], found["oracle_30"], f"the same after 30 clicks; {count} visitors")
    say_ratio(f"{name}_with_others_liked", found["liked_with_others"], found["liked_oracle"],
              f"of the oracle's, which knows no other visitor; {2 * count} visitors know each other")
    for way, wanted in (("similar", "1.5"), ("mean", "1.2"), ("oracle", "no bound")):
        say_ratio(f"{name}_covered_over_{way}", found["covered_niteru"][several], found["covered_" + way][several],
                  f"times the tastes covered; wanted {wanted}; {many} visitors of three tastes or more")
    say_mean(f"{name}_rand_index_30", found["index_30"], f"after 30 clicks; {count} visitors")
    say_mean(f"{name}_rand_index_30_nearest", found["nearest_30"], "the same, each click with the nearest medoid")
    say_mean(f"{name}_rand_index_10", found["index_10"], f"after 10 clicks; {count} visitors")
    say_mean(f"{name}_tastes_found_30", found["found_30"], "tastes told, of 3.5")
    say(f"{name}_same_medoids", float(found["same"].mean()), "of the medoids told, that the tree here has too")
    for way in sorted(key[6:] for key in found if key.startswith("liked_") and key not in ("liked_30", "liked_niteru")):
        say_mean(f"{name}_{way}_liked", found["liked_" + way], "liked products of 10")
        say_mean(f"{name}_{way}_covered", found["covered_" + way][several], "tastes covered, of three or more")
    say(f"{name}_short", int(found["short"].sum()), "products fewer than 10 for each visitor")


def measure_quality(niteru, build, shared, work, most):
    if not os.path.exists(work + "/demo/catalog.csv"):
        subprocess.run([build + "/tools/demo/niteru-demo-catalogue", work + "/demo", "--count", "2000"], check=True,
                       stdout=subprocess.DEVNULL)
    sources = {"demo": work + "/demo/catalog.csv", "clothing": shared + "/data/clothing/catalog.csv"}
    models = {"base": None, "mobilenet": shared + "/models/mobilenetv2-imagenet.onnx"}
    for source, model, by in (("demo", "base", "category"), ("demo", "mobilenet", "category"), ("clothing", "base", "category"),
                              ("clothing", "mobilenet", "category"), ("demo", "base", "category,colour"),
                              ("demo", "mobilenet", "category,colour")):
        name = f"{source}_{model}" + ("_colour" if "," in by else "")
        shop = Shop(niteru, f"{work}/{source}-{model}", sources[source], models[model], by.split(","))
        try:
            run = f"{name}-{time.time():.0f}"
            pilot = measure(shop, numpy.random.default_rng(11), 100, run + "-pilot", {})
            several = pilot["tastes"] >= 3
            sizes = {"liked": needed(pilot["liked_niteru"], pilot["liked_oracle"], 0.9, 0.02),
                     "rand_index": needed(pilot["index_30"], numpy.ones(100), 0, 0.03)}
            for way, wanted in (("similar", 1.5), ("mean", 1.2)):
                a, b = pilot["covered_niteru"][several], pilot["covered_" + way][several]
                sizes["covered_over_" + way] = int(needed(a, b, wanted, 0.1) / several.mean())
            for figure, size in sizes.items():
                say(f"{name}_visitors_for_{figure}", size, "visitors for 90 % power, from a pilot of 100")
            count = min(max(300, *sizes.values()), most)
            note(f"{name}: {count} visitors, {len(shop.ids)} products, {len(shop.names)} values")
            random = numpy.random.default_rng(12)
            co_clicks = {many: CoClicks(shop, random, many) for many in (100, 1000, 10000)}
            say_quality(name, measure(shop, random, count, run, co_clicks))
        finally:
            shop.server.stop()


# ---- speed ----

PRODUCTS, NUMBERS, CENTRES, BUSY, HEAVY = 100000, 256, 500, 40, 500


def make_large(niteru, work):
    catalogue = work + "/large.niteru"
    if not os.path.exists(catalogue + "/vectors"):
        random = numpy.random.default_rng(3)
        centres = random.standard_normal((CENTRES, NUMBERS)).astype(numpy.float32)
        rows = centres[numpy.arange(PRODUCTS) % CENTRES] + 0.7 * random.standard_normal((PRODUCTS, NUMBERS)).astype(numpy.float32)
        numpy.save(work + "/large.npy", rows)
        with open(work + "/large.txt", "w") as ids:
            ids.write("".join(f"p{number}\n" for number in range(PRODUCTS)))
        subprocess.run([niteru, "-C", catalogue, "import", work + "/large.npy", work + "/large.txt", "--model", "made", "--dtype", "f2",
                        "-q"], check=True)
        subprocess.run([niteru, "-C", catalogue, "model", "default", "made", "-q"], check=True)
    return catalogue


def percentile(times, share):
    return float(numpy.quantile(times, share) * 1000)


def timed(server, method, path, body=None):
    start = time.perf_counter()
    server.ask(method, path, body)
    return time.perf_counter() - start


def make_heavy(server, run, random):
    """Users with 500 clicks over 60 days on products around 6 centres, and a fifth anywhere."""
    names, now = [f"{run}-heavy-{number}" for number in range(BUSY)], time.time()
    for name in names:
        liked_centres = random.choice(CENTRES, TASTES, replace=False)
        def draw():
            if random.random() < OFF_TASTE:
                return int(random.integers(PRODUCTS))
            return int(random.choice(liked_centres) + CENTRES * random.integers(PRODUCTS // CENTRES))
        server.send([{"kind": "click", "product": f"p{draw()}", "user": name, "time": now - 60 * 86400 * (HEAVY - i) / HEAVY - 60}
                     for i in range(HEAVY)])
    return names


def ask_in_turns(server, names, random, rounds, after_event):
    """Times of similar, of recommend, of recommend right after an event of that user, of their tastes alone, which are
    read as for recommend and need no search, and of recommend for somebody new; one after the other."""
    similar, kept, fresh, tastes, new = [], [], [], [], []
    for number in range(rounds):
        name = names[number % len(names)]
        similar.append(timed(server, "GET", f"/v1/products/p{random.integers(PRODUCTS)}/similar?k={K}"))
        kept.append(timed(server, "GET", f"/v1/users/{name}/recommend?k={K}"))
        tastes.append(timed(server, "GET", f"/v1/users/{name}/tastes"))
        new.append(timed(server, "GET", f"/v1/users/new-{random.integers(1 << 40)}/recommend?k={K}"))
        if after_event:
            server.ask("POST", "/v1/events", {"kind": "view", "product": f"p{random.integers(PRODUCTS)}", "user": name})
            fresh.append(timed(server, "GET", f"/v1/users/{name}/recommend?k={K}"))
    return similar, kept, fresh, tastes, new


def say_times(name, similar, kept, fresh, tastes, new):
    for way, times in (("similar", similar), ("recommend", kept), ("recommend_after_event", fresh), ("tastes", tastes), ("recommend_new", new)):
        if times:
            say(f"{name}_{way}_p50", percentile(times, 0.5), "ms")
            say(f"{name}_{way}_p99", percentile(times, 0.99), "ms")
    say(f"{name}_p99_ratio", percentile(kept, 0.99) / percentile(similar, 0.99), "times the p99 of similar; wanted 3 at most")
    if fresh:
        say(f"{name}_after_event_p99_ratio", percentile(fresh, 0.99) / percentile(similar, 0.99), "times the p99 of similar; wanted 3 at most")


def measure_intake(server, names, run, random, rate, seconds):
    """So many events a second by two senders of 20 each time, while answers are asked for."""
    taken, late, done = [0, 0], [0.0, 0.0], threading.Event()
    start = time.monotonic() + 0.2

    def send(mine):
        own = numpy.random.default_rng(mine)
        for number in range(mine, int(rate * seconds / 20), 2):
            moment = start + number * 20 / rate
            time.sleep(max(0, moment - time.monotonic()))
            answer = server.ask("POST", "/v1/events", [{"kind": "view", "product": f"p{own.integers(PRODUCTS)}",
                                                        "session": f"{run}-in-{own.integers(100000)}"} for _ in range(20)])
            taken[mine] += answer["new"]
            late[mine] = max(late[mine], time.monotonic() - moment)
    threads = [threading.Thread(target=send, args=(mine,)) for mine in range(2)]
    for thread in threads:
        thread.start()
    similar, kept = [], []
    while any(thread.is_alive() for thread in threads):
        times = ask_in_turns(server, names, random, 5, False)
        similar, kept = similar + times[0], kept + times[1]
    spent = time.monotonic() - start
    done.set()
    say("intake_rate", sum(taken) / spent, f"events a second taken in for {spent:.0f} s; {rate} were offered")
    say("intake_latest", max(late) * 1000, "ms from the moment of a call to its answer, at most")
    say("intake_answers", (len(similar) + len(kept)) / spent, "answers a second beside them")
    say_times("intake", similar, kept, [], [], [])


def measure_kept(niteru, catalogue, run, random, users):
    """Memory of a visitor whose tastes are kept, 10 clicks each; of a server that has done little else, since what was
    freed before would be used first."""
    server, now = Server(niteru, catalogue), time.time() - 60
    for first in range(0, users, 100):
        server.send([{"kind": "click", "product": f"p{random.integers(PRODUCTS)}", "user": f"{run}-kept-{user}", "time": now + place}
                     for user in range(first, first + 100) for place in range(10)])
    server.stop()
    server, memory, warm = Server(niteru, catalogue), 0, 3000
    for user in range(users):
        if user == warm:
            memory = server.memory()
        tastes = server.ask("GET", f"/v1/users/{run}-kept-{user}/tastes?timeout_ms=60000")["tastes"]
    say("kept_visitor", (server.memory() - memory) * 1024 / (users - warm), f"KB of memory for each of {users - warm} visitors; {len(tastes)} tastes each")
    server.stop()


def measure_million(server, run, random, minutes):
    """A million users with an event each, or as many as come within the time."""
    before, start, sent = server.memory(), time.monotonic(), 0
    while sent < 1000000 and time.monotonic() - start < minutes * 60:
        server.send([{"kind": "click", "product": f"p{product}", "user": f"{run}-m{sent + place}"}
                     for place, product in enumerate(random.integers(0, PRODUCTS, 1000).tolist())])
        sent += 1000
        if sent in (100000, 500000):
            say(f"million_memory_{sent}", server.memory(), "MB resident after so many")
    say("million_users", sent, f"users' events, of 1000000 in {minutes} minutes at most")
    say("million_rate", sent / (time.monotonic() - start), "events a second, 1,000 a call, one after the other")
    say("million_memory_before", before, "MB resident")
    say("million_memory_after", server.memory(), "MB resident")


def measure_speed(niteru, work, minutes):
    server = Server(niteru, make_large(niteru, work))
    random, run = numpy.random.default_rng(4), f"run{time.time():.0f}"
    try:
        names = make_heavy(server, run, random)
        ask_in_turns(server, names, random, len(names), False)
        say_times("alone", *ask_in_turns(server, names, random, 1000, True))
        measure_intake(server, names, run, random, 2000, 30)
        measure_million(server, run, random, minutes)
        say_times("after_million", *ask_in_turns(server, names, random, 1000, False))
    finally:
        server.stop()
    measure_kept(niteru, work + "/large.niteru", run, random, 30000)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("shared")
    parser.add_argument("--part", choices=("quality", "speed"))
    parser.add_argument("--work")
    parser.add_argument("--most", type=int, default=2500)
    parser.add_argument("--minutes", type=float, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="niteru-recommend-") as folder:
        work, niteru = given.work or folder, given.build + "/src/cli/niteru"
        os.makedirs(work, exist_ok=True)
        if given.part != "speed":
            measure_quality(niteru, given.build, given.shared, work, given.most)
        if given.part != "quality":
            measure_speed(niteru, work, given.minutes)


if __name__ == "__main__":
    main()
