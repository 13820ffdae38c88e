# SPDX-License-Identifier: Apache-2.0
"""The service keeps the contract it gives out: its document is OpenAPI 3.1, and Schemathesis, which makes requests from
that document alone, finds no answer that is not in it. Both tools come from PyPI, once, into a folder of the user's cache;
where they cannot be had, the test is skipped."""
import json
import os
import subprocess
import sys
import venv

from shop import Shop

TOOLS = ("schemathesis==4.32.5", "openapi-spec-validator==0.9.0")
# Schemathesis' own check of it is left out, for a condition has a grammar, a vector its model's dimension, a field must be
# there, a photo must be one, and be sent once: more than a schema can say. Instead: what fits the schema is refused by none
# of the codes that the schema itself has. A list of ids may be too long for an address, and an upload is any bytes, but some.
LEFT_OUT = "positive_data_acceptance"
HOOKS = """
import schemathesis

SCHEMA_CODES = {"wrong-type", "unknown-field", "unknown-parameter", "missing-field", "out-of-range", "not-a-choice",
                "repeated-parameter", "bad-encoding", "malformed-json", "malformed-multipart", "body-not-expected",
                "unsupported-media-type"}


@schemathesis.check
def what_fits_is_taken(ctx, response, case):
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or not 400 <= response.status_code < 500:
        return
    problem = response.json()
    assert problem["code"] not in SCHEMA_CODES, f"fits the schema, and is refused: {problem}"
"""
CONFIG = """hooks = "contract_hooks"
[generation]
allow-x00 = false
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 413, 414, 415, 422]
"""
SKIPPED = 77


def install():
    """The folder with the tools' programs, or None."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "niteru-venv", "contract")
    programs, done = os.path.join(folder, "bin"), os.path.join(folder, "installed")
    wanted = " ".join(TOOLS)
    if os.path.exists(done) and open(done, encoding="utf-8").read() == wanted:
        return programs
    try:
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([os.path.join(programs, "pip"), "install", "--quiet", "--disable-pip-version-check",
                        "--retries", "1", "--timeout", "10", *TOOLS], check=True, timeout=240, capture_output=True)
    except (OSError, subprocess.SubprocessError, SystemExit) as error: # Debian's venv ends the program where pip lacks
        print(f"skipped: {wanted} could not be installed: {error}")
        return None
    with open(done, "w", encoding="utf-8") as file:
        file.write(wanted)
    return programs


def main():
    programs = install()
    if programs is None:
        return SKIPPED
    shop = Shop(30).start()
    try:
        document = os.path.join(shop.folder, "openapi.json")
        with open(document, "wb") as file:
            file.write(shop.ask("GET", "/openapi.json").body)
        valid = subprocess.run([os.path.join(programs, "openapi-spec-validator"), "--schema", "3.1.0", document])
        with open(os.path.join(shop.folder, "schemathesis.toml"), "w", encoding="utf-8") as file:
            file.write(CONFIG)
        with open(os.path.join(shop.folder, "contract_hooks.py"), "w", encoding="utf-8") as file:
            file.write(HOOKS)
        kept = subprocess.run([os.path.join(programs, "schemathesis"), "run", shop.url + "/openapi.json", "--checks", "all",
                               "--exclude-checks", LEFT_OUT, "--max-examples", "12", "--generation-deterministic",
                               "--continue-on-failure", "--warnings", "off", "--no-color"], cwd=shop.folder)
        alive = shop.ask("GET", "/readyz").status == 200 and shop.run("check", check=False).returncode == 0
        unexpected = [line for line in shop.log().splitlines()
                      if line and (not line.startswith("{") or json.loads(line).get("status") == 500)]
        print(f"valid: {valid.returncode == 0}, kept: {kept.returncode == 0}, sound after it: {alive}, faults: {unexpected}")
        return int(valid.returncode != 0 or kept.returncode != 0 or not alive or bool(unexpected))
    finally:
        shop.close()


if __name__ == "__main__":
    sys.exit(main())
