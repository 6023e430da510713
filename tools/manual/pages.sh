#!/bin/sh
# Write the manual pages: pages.sh DIR GENERATOR BIN; VERSION from the environment. The pages of the
# library come out of its headers, those of programs out of what they print for --help.
set -eu
out=$1 manual=$2 bin=$3
DATE=$(LC_ALL=C date -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"} '+%B %-d, %Y')
export VERSION DATE

rm -rf "$out"
mkdir -p "$out/man1" "$out/man3" "$out/man7"
"$manual" library "$out/man3" lib/include/vitro/*.h
"$manual" page tools/manual/vitro.7 >"$out/man7/vitro.7"

commands=$("$bin/vitro" help | sed -n 's/^  \([a-z]*\) .*/\1/p')
names="vitro protoc-gen-vitro $(for c in $commands; do echo "vitro-$c"; done)"
# shellcheck disable=SC2086  # words are wanted
{
    "$bin/vitro" help | "$manual" tool vitro $names >"$out/man1/vitro.1"
    "$bin/protoc-gen-vitro" --help |
        "$manual" tool protoc-gen-vitro $names >"$out/man1/protoc-gen-vitro.1"
    for c in $commands; do
        "$bin/vitro" help "$c" | "$manual" tool "vitro-$c" $names >"$out/man1/vitro-$c.1"
    done
}
