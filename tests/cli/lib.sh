# SPDX-License-Identifier: Apache-2.0
# What the scripts here share: a folder that is removed, TAP lines, and checks that say what they saw.
# Sourced with $niteru (the program) and $pictures (the picture generator) as the first two arguments.
set -u
niteru=$1
pictures=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/niteru-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
export NITERU_CATALOGUE="$work/shop.niteru" LC_ALL="${NITERU_TEST_LOCALE:-C.UTF-8}" LANGUAGE=en # in English, whatever the locale
number=0 failures=0

ok() { number=$((number + 1)); echo "ok $number - $1"; }
not_ok() {
    number=$((number + 1)) failures=$((failures + 1))
    echo "not ok $number - $1"
    sed 's/^/# /' "$work/out" "$work/err" 2>/dev/null | head -n 40
}

# runs STATUS NAME COMMAND...: the command must end with that status; its output is in $work/out and $work/err.
runs() {
    wanted=$1 name=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ "$got" = "$wanted" ]; then ok "$name"; else echo "# status $got, not $wanted: $*"; not_ok "$name"; fi
}

# says TEXT / complains TEXT: the last command's output / errors contain it.
says() { if grep -qF -e "$1" "$work/out"; then ok "says: $1"; else not_ok "says: $1"; fi; }
complains() { if grep -qF -e "$1" "$work/err"; then ok "complains: $1"; else not_ok "complains: $1"; fi; }
# is A B NAME: two texts are equal.
is() { if [ "$1" = "$2" ]; then ok "$3"; else echo "# '$1' is not '$2'"; not_ok "$3"; fi; }

skip_rest() { number=$((number + 1)); echo "ok $number # SKIP $1"; finish; }
finish() { echo "1..$number"; [ "$failures" = 0 ]; exit; }

# A small shop: N pictures with a list, drawn once per script.
draw_shop() { "$pictures" "$work/photos" --count "$1" >/dev/null || { echo "Bail out! no pictures"; exit 1; }; }
