#!/bin/sh
# The manual: every exported function of the stable headers has its page, and every page a function
# or a header; every command has one that says what its help says; pages are sound for man and for
# mandoc, name no page that is not there; the code that doc comments show compiles.
set -u
cd "$(dirname "$0")/../.." || exit 1
man=build/man
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

fail() {
    echo "manual: $*"
    failed=1
}

make WERROR=-Werror man >"$tmp/made" 2>&1 || {
    cat "$tmp/made"
    fail "the pages cannot be made: see above"
    exit 1
}

# ---- what there is, and its pages ------------------------------------------------------------------
declared=$(cat lib/include/vitro/*.h | tr '\n' ' ' | sed 's/VITRO_API/\n&/g' |
    sed -n 's/^VITRO_API[^(;]*[ *]\(vitro_[a-z0-9_]*\) *(.*/\1/p' | sort -u)
nm -D --defined-only build/lib/libvitro.so | awk 'NF == 3 { print $3 }' | sort -u >"$tmp/exported"
functions=$(printf '%s\n' "$declared" | grep -xFf "$tmp/exported")
headers=$(for h in lib/include/vitro/*.h; do echo "vitro_$(basename "$h" .h)"; done)
printf '%s\n%s\n' "$functions" "$headers" | sort >"$tmp/wanted"
for page in "$man"/man3/*.3; do
    basename "$page" .3
done | sort >"$tmp/have"
[ "$(wc -l <"$tmp/wanted")" -gt 50 ] || fail "hardly any function was found: does this check work?"
comm -23 "$tmp/wanted" "$tmp/have" | while read -r name; do
    echo "manual: no page: $name(3)"
done | grep . && failed=1
comm -13 "$tmp/wanted" "$tmp/have" | while read -r name; do
    echo "manual: a page of nothing: $name(3)"
done | grep . && failed=1

# A page per command, with each option that its help names.
for command in '' $(build/bin/vitro help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    page=$man/man1/vitro${command:+-$command}.1
    [ -s "$page" ] || fail "no page: $page"
    MANWIDTH=200 LC_ALL=C.UTF-8 man -l "$page" 2>/dev/null >"$tmp/page"
    # shellcheck disable=SC2086  # no command is no word
    for word in $(build/bin/vitro help $command | grep -oE -- '(^|[ [])--?[a-zA-Z][a-z-]*' |
        sed 's/^[ []//' | sort -u); do
        grep -qF -- "$word" "$tmp/page" || fail "$page does not have $word"
    done
done

# ---- sound? ----------------------------------------------------------------------------------------
for page in "$man"/man?/*; do
    mandoc -T lint -W warning "$page" || fail "$page: see above"
    LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>"$tmp/warnings" \
        >/dev/null || fail "$page cannot be shown"
    [ ! -s "$tmp/warnings" ] || {
        cat "$tmp/warnings"
        fail "$page: see above"
    }
    sed -n 's/^\.\(Xr\|It Xr\) \([^ ]*\) \([0-9]\).*/\2 \3/p' "$page"
done | sort -u >"$tmp/out"
while read -r name section; do
    case $section in
    [0-9]) [ -e "$man/man$section/$name.$section" ] || fail "no such page: $name($section)" ;;
    *) echo "$name $section"; failed=1 ;;
    esac
done <"$tmp/out"

# ---- the code in it --------------------------------------------------------------------------------
build/debug/manual code lib/include/vitro/*.h >"$tmp/shown.c" || fail "no code can be taken out"
grep -q '^void shown_0' "$tmp/shown.c" || fail "no code was found: does this check work?"
${CC:-gcc} -std=c11 -Wall -Wextra -Werror -Wno-unused-variable -fsyntax-only -Ilib/include \
    "$tmp/shown.c" || fail "code in a doc comment does not compile"

# ---- a doc comment that lacks something is refused -------------------------------------------------
refused() { # WORDS SED-SCRIPT FILE
    mkdir -p "$tmp/vitro"
    sed "$2" "lib/include/vitro/$3" >"$tmp/vitro/$3"
    cmp -s "lib/include/vitro/$3" "$tmp/vitro/$3" && fail "nothing was changed in $3"
    build/debug/manual library "$tmp" "$tmp/vitro/$3" >"$tmp/out" 2>&1 && fail "not refused: $1"
    grep -qF -- "$1" "$tmp/out" || fail "not said: $1: $(cat "$tmp/out")"
}
refused 'vitro_loop_start: no Thread:' '/Give the loop a thread/,/\*\// { /^ \* Thread:/d; }' loop.h
refused 'vitro_loop_post: no @param fn' '/^ \* @param fn .*once, on/d' loop.h
refused 'who owns it is not said: @param sinks' 's/@param sinks    copied: /@param sinks /' trace.h
refused 'vitro_md_append: no @return' '/Add all entries/,/\*\// { /@return/d; }' metadata.h
exit $failed
