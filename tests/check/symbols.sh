#!/bin/sh
# Every global symbol begins with vitro_, and each shared library exports just what an installed
# header declares with VITRO_API.
set -u
cd "$(dirname "$0")/../.." || exit 1
status=0
for archive in build/lib/libvitro.a build/lib/libvitro-decode.a; do
    if nm -g --defined-only "$archive" 2>/dev/null | awk 'NF == 3 && $3 !~ /^vitro_/ { print; bad = 1 } END { exit !bad }'; then
        echo "symbols: $archive: the names above lack the prefix vitro_"
        status=1
    fi
done
# A declaration may span lines: join each header, cut at VITRO_API, take the name before "(".
declared=$(cat lib/include/vitro/*.h lib/include/vitro/lab/*.h | tr '\n' ' ' | sed 's/VITRO_API/\n&/g' |
    sed -n 's/^VITRO_API[^(;]*[ *]\(vitro_[a-z0-9_]*\) *[(\[;].*/\1/p' | sort -u)
exported=$(for so in build/lib/libvitro.so build/lib/libvitro-decode.so; do
    nm -D --defined-only "$so" | awk 'NF == 3 { print $3 }'
done | sort -u)
extra=$(printf '%s\n' "$exported" | while read -r s; do
    printf '%s\n' "$declared" | grep -qx "$s" || echo "$s"
done)
missing=$(printf '%s\n' "$declared" | while read -r s; do
    printf '%s\n' "$exported" | grep -qx "$s" || echo "$s"
done)
if [ -n "$extra" ]; then
    printf 'symbols: exported, but in no installed header:\n%s\n' "$extra"
    status=1
fi
if [ -n "$missing" ]; then
    printf 'symbols: declared in an installed header, but not exported:\n%s\n' "$missing"
    status=1
fi
exit $status
