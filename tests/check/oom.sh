#!/bin/sh
# Memory that runs out, in every scenario of tests/oom; then a part of it under the address sanitizer.
# OOM_STEP: of OpenSSL's allocations each so-manyth, 7 when not told. The library's own fail all.
set -u
cd "$(dirname "$0")/../.." || exit 1
status=0

run() { # VARIANT STEP
    printf '== %s, each %s. allocation of OpenSSL\n' "$1" "$2"
    for scenario in $(build/"$1"/tests/oom/oom list); do
        printf '%s\n' "$scenario"
    done | OOM_STEP=$2 xargs -P "$(nproc)" -n 1 "build/$1/tests/oom/oom" || status=1
}

run debug "${OOM_STEP:-7}"
run asan 401
[ "$status" -eq 0 ] && echo "oom: no crash, no leak, every call has ended once"
exit $status
