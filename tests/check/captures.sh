#!/bin/sh
# The captures of captures/, against what vitro says of them now: NAME.txt and NAME.json; and those
# that our own programs make, against what they make now. captures.sh bless rewrites them all.
set -u
cd "$(dirname "$0")/../.." || exit 1
make=build/debug/tests/captures/make
vitro=$PWD/build/bin/vitro
status=0

# Both texts of a capture, beside it, under the one name that all see.
tell() { # NAME DIRECTORY
    (cd captures && LC_ALL=C.UTF-8 "$vitro" inspect --plain --color=never "$1.pcapng" >"$2/$1.txt" &&
        "$vitro" inspect --json "$1.pcapng" >"$2/$1.json") </dev/null || {
        echo "captures: $1: vitro inspect fails"
        exit 1
    }
}

if [ "${1:-}" = bless ]; then
    $make captures || exit 1
    for capture in captures/*.pcapng; do
        tell "$(basename "$capture" .pcapng)" "$PWD/captures"
    done
    exit 0
fi

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/made" "$tmp/told" && $make "$tmp/made" || exit 1
differs() { # FILE
    echo "captures: $1 is not what is made now: make bless, and look at the difference"
    status=1
}
for made in "$tmp"/made/*; do
    cmp -s "$made" "captures/$(basename "$made")" || differs "$(basename "$made")"
done
for capture in captures/*.pcapng; do
    name=$(basename "$capture" .pcapng)
    tell "$name" "$tmp/told"
    for end in txt json; do
        diff "captures/$name.$end" "$tmp/told/$name.$end" >"$tmp/diff" && continue
        head -n 10 "$tmp/diff"
        differs "$name.$end"
    done
done
for named in captures/*.pcapng; do
    grep -q "^. .$(basename "${named%.*}"). " captures/README.md || {
        echo "captures: README.md does not tell what $(basename "$named") is"
        status=1
    }
done
exit $status
