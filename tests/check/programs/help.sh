#!/bin/sh
# What vitro says of itself: on stdout with status 0 when asked, in lines of at most eighty columns
# (examples aside); on stderr with status 2 when something is missing.
set -u
cd "$(dirname "$0")/../../.." || exit 1
vitro=$PWD/build/bin/vitro
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

fail() {
    echo "help: $*"
    failed=1
}

asked() { # ARGUMENT...: what is printed is left in $tmp/out
    "$vitro" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || fail "status $?: vitro $*"
    [ -s "$tmp/out" ] && [ ! -s "$tmp/err" ] || fail "not on stdout alone: vitro $*"
    long=$(sed '/^Examples:/,$d' "$tmp/out" | grep -E '^.{81}')
    [ -z "$long" ] || fail "vitro $*: more than eighty columns: $long"
}

refused() { # ARGUMENT...
    "$vitro" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ "$got" -eq 2 ] || fail "status $got, not 2: vitro $*"
    [ ! -s "$tmp/out" ] && [ -s "$tmp/err" ] || fail "not on stderr alone: vitro $*"
}

asked help
cp "$tmp/out" "$tmp/usage"
for word in -h --help; do
    asked $word
    cmp -s "$tmp/out" "$tmp/usage" || fail "vitro $word is not vitro help"
done
asked --version
grep -qE '^vitro [0-9]+\.[0-9]+\.[0-9]+$' "$tmp/out" || fail "--version: $(cat "$tmp/out")"

commands=$(sed -n 's/^  \([a-z]*\) .*/\1/p' "$tmp/usage")
[ "$(echo "$commands" | wc -w)" -ge 5 ] || fail "hardly any command: $commands"
for command in $commands; do
    asked help "$command"
    cp "$tmp/out" "$tmp/help"
    grep -q '^Status: 0 ' "$tmp/help" || fail "vitro help $command does not tell what it ends with"
    for word in -h --help; do
        asked "$command" $word
        cmp -s "$tmp/out" "$tmp/help" || fail "vitro $command $word is not vitro help $command"
    done
    refused "$command" --no-such-option
    [ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "not one line: $(cat "$tmp/err")"
    grep -qE "^vitro: [a-z]+: .*; " "$tmp/err" || fail "vitro $command: $(cat "$tmp/err")"
done
refused
refused no-such-command
refused help no-such-command

asked_plugin=$(build/bin/protoc-gen-vitro --help) || fail "protoc-gen-vitro --help: status $?"
echo "$asked_plugin" | grep -q 'messages=external' || fail "protoc-gen-vitro --help: $asked_plugin"
build/bin/protoc-gen-vitro nonsense >"$tmp/out" 2>"$tmp/err" && fail "protoc-gen-vitro nonsense: 0"
exit $failed
