#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line itself: help, exit statuses, man pages, completion.
. "$(dirname "$0")/lib.sh"

runs 0 "--version" "$niteru" --version
says "niteru 0."
runs 0 "--help" "$niteru" --help
says "similar"
runs 2 "no command" "$niteru"
runs 2 "unknown command" "$niteru" frobnicate
complains "there is no command 'frobnicate'"
for command in index similar search compare show list remove eval export import model key info check help completion; do
    runs 0 "$command --help" "$niteru" "$command" --help
    says "Options of every command"
done
runs 2 "index without a source" "$niteru" index
complains "usage: niteru index SOURCE"
runs 2 "unknown option" "$niteru" similar --nearest x
complains "niteru similar --help"
runs 2 "too many arguments" "$niteru" list something
runs 2 "eval without a label" "$niteru" eval
complains "--label"
runs 2 "remove nothing" "$niteru" remove
runs 2 "-k 0" "$niteru" similar x -k 0
runs 2 "a negative count" "$niteru" list -k -1
complains "-k -1"
runs 2 "a negative number of threads" "$niteru" --threads -1 list
runs 1 "no catalogue" "$niteru" similar x
complains "shop.niteru"
runs 1 "a limit that is none" "$niteru" -C "$work/a" --limit photos=3 index "$work"
complains "photo-pixels"
[ -e "$work/shop.niteru" ] && not_ok "asking made no catalogue" || ok "asking made no catalogue"
runs 0 "info without a catalogue" "$niteru" info --json
says '"kernels"'
runs 0 "the shipped model" "$niteru" model list
says "niteru-base"

mkdir "$work/man"
runs 0 "man pages" "$niteru" help --man "$work/man"
for page in "$work"/man/*.1; do
    if command -v groff >/dev/null 2>&1; then
        runs 0 "groff reads $(basename "$page")" sh -c "groff -man -Tutf8 -ww '$page' 2>&1 >/dev/null | { ! grep .; }"
    fi
done
runs 0 "bash completion" sh -c "'$niteru' completion bash | bash -n"
runs 0 "fish completion" "$niteru" completion fish
runs 0 "zsh completion" "$niteru" completion zsh
runs 2 "no such shell" "$niteru" completion csh
runs 1 "a full disk under standard output" sh -c "'$niteru' --help >/dev/full"
complains "No space left on device"
"$niteru" completion bash >"$work/completion"
for words in "add pull list show default switch remove" "bash zsh fish" "--photos" "--strict" "--image-separator"; do
    runs 0 "completion has $words" grep -q -e " $words" "$work/completion"
done
runs 0 "fish has them too" sh -c "'$niteru' completion fish | grep -q -e \"-a 'add pull list show default switch remove'\""
finish
