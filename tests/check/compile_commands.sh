#!/bin/sh
# Print a compilation database: compile_commands.sh CC FLAGS GNU POSIX FILE...
# KNOWN and KNOWN_USERS: a folder of headers, and patterns of the files for which it comes first.
set -uf
cc=$1 flags=$2 gnu=$3 posix=$4
shift 4
comma=
echo '['
for file in "$@"; do
    case $file in
    lib/io/* | lib/trace/* | tools/*) features="$gnu -Itools" ;;
    *) features=$posix ;;
    esac
    known=
    for pattern in $KNOWN_USERS; do
        # shellcheck disable=SC2254  # a pattern is wanted
        case $file in $pattern) known=-I$KNOWN ;; esac
    done
    printf '%s{"directory":"%s","file":"%s","command":"%s %s %s %s -c %s"}\n' "$comma" "$PWD" \
        "$file" "$cc" "$known" "$flags" "$features" "$file"
    comma=,
done
echo ']'
