#!/bin/sh
# The screens of lessons in tests/screen/*.txt, against what the lessons show now. The first line
# of each says which lesson, size and language it is, and the keys that lead there.
# screens.sh bless rewrites them all.
set -u
cd "$(dirname "$0")/../.." || exit 1
lesson=build/debug/tests/screen/lesson
status=0

# With its first line as it is, the screen of a file.
screen() { # FILE
    read -r arguments <"$1"
    printf '%s\n' "$arguments"
    # shellcheck disable=SC2086
    (set -f && $lesson $arguments)
}

tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT
for file in tests/screen/*.txt; do
    screen "$file" >"$tmp" || {
        echo "screens: $file: the lesson does not get there"
        status=1
        continue
    }
    if [ "${1:-}" = bless ]; then
        cp "$tmp" "$file"
    elif ! cmp -s "$tmp" "$file"; then
        echo "screens: $file: another screen (make bless takes it):"
        diff "$file" "$tmp"
        status=1
    fi
done
exit $status
