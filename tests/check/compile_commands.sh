#!/bin/sh
# Print a compilation database: compile_commands.sh 'CC FLAGS' GNU POSIX FILE...
set -u
flags=$1 gnu=$2 posix=$3
shift 3
comma=
echo '['
for file in "$@"; do
    case $file in
    lib/io/* | lib/trace/* | tools/*) features="$gnu -Itools" ;;
    *) features=$posix ;;
    esac
    printf '%s{"directory":"%s","file":"%s","command":"%s %s -c %s"}\n' "$comma" "$PWD" "$file" \
        "$flags" "$features" "$file"
    comma=,
done
echo ']'
