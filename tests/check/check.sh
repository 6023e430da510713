#!/bin/sh
# make check: every proof that is quick and needs no network beyond loopback.
# Each step prints one line; the last line of all is the plain count, alone.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0

step() { # NAME COMMAND...
    name=$1
    shift
    printf '== %s\n' "$name"
    "$@" || {
        printf '== %s: FAILED\n' "$name"
        failed=$((failed + 1))
    }
}

run_format() {
    if ! command -v clang-format >/dev/null 2>&1; then
        echo "format: clang-format is not installed: not checked"
        return 0
    fi
    git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format --dry-run -Werror
}

step build      make WERROR=-Werror build test-programs
step suites     make WERROR=-Werror suites
step rules      sh tests/check/rules.sh
step layers     sh tests/check/layers.sh
step headers    make WERROR=-Werror headers
step symbols    sh tests/check/symbols.sh
step banned     sh tests/check/banned.sh
step documents  sh tests/check/documents.sh
step manual     sh tests/check/manual.sh
step captures   sh tests/check/captures.sh
step screens    sh tests/check/screens.sh
step format     run_format
step sanitizers make V=asan WERROR=-Werror suites
for program in tests/check/programs/*.sh; do
    [ -e "$program" ] && step "$(basename "$program" .sh)" sh "$program"
done

count=$(cat build/debug/tests/passed 2>/dev/null || echo 0)
unit_failed=$(cat build/debug/tests/failed 2>/dev/null || echo 0)
failed=$((failed + unit_failed))
if [ "$count" -eq 0 ]; then
    failed=$((failed + 1))
fi
printf '%s passed, %s failed\n' "$count" "$failed"
[ "$failed" -eq 0 ]
