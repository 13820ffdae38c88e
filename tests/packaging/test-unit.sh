#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The systemd unit: what systemd says of it, and how exposed it finds it. usage: test-unit.sh UNIT NITERU
set -u
unit=$1 niteru=$(realpath "$2")
if ! command -v systemd-analyze >/dev/null; then
    echo "1..0 # SKIP systemd-analyze is not here"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
check() { if [ "$1" = 0 ]; then echo "ok $2"; else echo "not ok $2"; sed 's/^/# /' "$work/said"; failures=1; fi; }
echo 1..2
# The program is not installed yet: the unit of an installation names the one that was built.
sed "s|^ExecStart=[^ ]*|ExecStart=$niteru|" "$unit" >"$work/niteru.service"
systemd-analyze verify --man=no "$work/niteru.service" >"$work/said" 2>&1
status=$?
grep -q "niteru.service:" "$work/said" && status=1 # a line that it does not understand is only warned of
check $status "1 - systemd-analyze verify"
if systemd-analyze --help | grep -q -- --offline; then
    systemd-analyze security --offline=true --threshold=25 "$work/niteru.service" >"$work/said" 2>&1
    check $? "2 - systemd-analyze security: exposure of at most 2.5 ($(sed -n 's/.*exposure level[^0-9]*\([0-9.]*\).*/\1/p' "$work/said"))"
else
    echo "ok 2 # SKIP this systemd looks at units that run only"
fi
exit $failures
