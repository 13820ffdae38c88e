#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether what is in the repository of the page's bundle is what its sources make: builds web/ twice, in two folders, with
the pinned Node and packages, and the types from what the program says of its API. usage: check-bundle.py BUILD"""
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile

import run

SOURCE = os.path.realpath(os.path.join(run.HERE, "../.."))


def built(env, folder, openapi):
    """A copy of web/ as git has it, built; its folder."""
    names = subprocess.run(["git", "ls-files", "-z", "web"], cwd=SOURCE, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if not name.startswith("web/dist/") and os.path.exists(os.path.join(SOURCE, name)):
            os.makedirs(os.path.join(folder, os.path.dirname(name)), exist_ok=True)
            shutil.copyfile(os.path.join(SOURCE, name), os.path.join(folder, name))
    web = os.path.join(folder, "web")
    run.clean_install(web, env=env)
    with open(os.path.join(web, "openapi.json"), "wb") as file:
        file.write(openapi)
    for script in ("types", "build"):
        done = subprocess.run(["npm", "run", script], cwd=web, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"npm run {script} failed:\n{done.stdout}{done.stderr}")
    return web


def files_of(folder):
    return {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}


def differing(one, other):
    """Names of files that are not the same in both folders."""
    names = files_of(one) | files_of(other)
    _, different, missing = filecmp.cmpfiles(one, other, names, shallow=False)
    return sorted(different + missing)


def openapi_of(build):
    os.environ["NITERU"] = os.path.join(build, "src/cli/niteru")
    os.environ["NITERU_PICTURES"] = os.path.join(build, "tools/demo/niteru-demo-catalogue")
    os.environ.setdefault("NITERU_MODELS", os.path.join(SOURCE, "models"))
    sys.path.insert(0, os.path.join(SOURCE, "tests/service"))
    import shop
    served = shop.Shop(1)
    try:
        return served.start().ask("GET", "/openapi.json").body
    finally:
        served.close()


def main():
    build = os.path.realpath(sys.argv[1])
    pinned = os.path.join(build, "tests/web/pinned")
    run.install(pinned, [])
    env = dict(os.environ, PATH=os.path.join(pinned, "node_modules/.bin") + os.pathsep + os.environ["PATH"])
    openapi = openapi_of(build)
    with tempfile.TemporaryDirectory(prefix="page-") as one, tempfile.TemporaryDirectory(prefix="the-page-again-") as two:
        first, second = (built(env, folder, openapi) for folder in (one, two))
        dist, types = os.path.join(SOURCE, "web/dist"), "src/api-types.d.ts"
        faults = [f"web/dist/{name} differs between two builds" for name in differing(first + "/dist", second + "/dist")]
        faults += [f"web/dist/{name} is not what web/ makes: npm ci && npm run build" for name in differing(dist, first + "/dist")]
        if not filecmp.cmp(os.path.join(SOURCE, "web", types), os.path.join(first, types), shallow=False):
            faults.append(f"web/{types} is not what the program says: npm run types")
    print("\n".join(faults) or "ok: the page's bundle is what its sources make")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
