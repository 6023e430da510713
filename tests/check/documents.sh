#!/bin/sh
# The code and the excerpts shown in documents come from a run or are compiled here:
#
#   ```c                    is compiled, against the public headers and the generated ones
#   ```text vitro ...       stands in what that command prints: these lines, in this order
#   ```text screen ...      is the screen of a lesson, all of it: tests/screen/lesson.c says how
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# Each fenced block of $1 as a file $tmp/N.KIND, its argument in $tmp/N.argument.
split() {
    rm -f "$tmp"/[0-9]*
    awk -v tmp="$tmp" '
        /^```/ && inside { inside = 0; close(file); next }
        /^```/ {
            inside = 1
            n++
            kind = substr($1, 4)
            argument = $0
            sub(/^```[^ ]* */, "", argument)
            file = tmp "/" n "." (kind == "" ? "none" : kind)
            printf "" > file
            print FNR > (tmp "/" n ".line")
            print argument > (tmp "/" n ".argument")
            close(tmp "/" n ".line")
            close(tmp "/" n ".argument")
            next
        }
        inside { print > file }
        END { if (inside) { print "a block has no end" > "/dev/stderr"; exit 1 } }
    ' "$1"
}

compile() { # DOCUMENT N
    ${CC:-gcc} -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Ilib/include -Ibuild/gen \
        -x c "$tmp/$2.c" || {
        echo "documents: $1:$(cat "$tmp/$2.line"): this code does not compile"
        failed=1
    }
}

# The lines of the block, blank ones aside, are found in that order. "..." stands for any lines.
excerpt() { # DOCUMENT N COMMAND...
    document=$1 n=$2
    shift 2
    PATH=build/bin:$PATH "$@" </dev/null >"$tmp/output" || {
        echo "documents: $document:$(cat "$tmp/$n.line"): $* fails"
        failed=1
        return
    }
    awk -v where="$document:$(cat "$tmp/$n.line")" '
        NR == FNR { if ($0 != "" && $0 != "...") want[++count] = $0; next }
        found < count && $0 == want[found + 1] { found++ }
        END {
            if (!count) { print "documents: " where ": an empty excerpt"; exit 1 }
            if (found == count) exit 0
            print "documents: " where ": not printed (in this order): " want[found + 1]
            exit 1
        }
    ' "$tmp/$n.text" "$tmp/output" || failed=1
}

# The block is the whole screen.
screen() { # DOCUMENT N NAME SIZE LANGUAGE KEY...
    document=$1 n=$2
    shift 2
    (set -f && build/debug/tests/screen/lesson "$@") >"$tmp/output" || {
        echo "documents: $document:$(cat "$tmp/$n.line"): no such screen: $*"
        failed=1
        return
    }
    cmp -s "$tmp/$n.text" "$tmp/output" || {
        echo "documents: $document:$(cat "$tmp/$n.line"): not the screen that is shown:"
        diff "$tmp/$n.text" "$tmp/output"
        failed=1
    }
}

for document in $(git ls-files -co --exclude-standard '*.md'); do
    split "$document" || failed=1
    for block in "$tmp"/[0-9]*.c "$tmp"/[0-9]*.text; do
        [ -e "$block" ] || continue
        n=$(basename "${block%.*}")
        case $block in
        *.c) compile "$document" "$n" ;;
        *.text)
            read -r argument <"$tmp/$n.argument"
            # shellcheck disable=SC2086
            case $argument in
            vitro\ *) excerpt "$document" "$n" $argument ;;
            screen\ *) screen "$document" "$n" ${argument#screen} ;;
            esac
            ;;
        esac
    done
done
exit $failed
