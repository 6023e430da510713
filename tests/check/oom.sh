#!/bin/sh
# Memory that runs out, in every scenario of tests/oom; then a part of it under the address sanitizer.
# OOM_STEP: of OpenSSL's allocations each so-manyth, 7 when not told. The library's own fail all, and
# so do those of OpenSSL in a unary call.
set -u
cd "$(dirname "$0")/../.." || exit 1
status=0

run() { # VARIANT STEP, scenarios on stdin
    printf '== %s, each %s. allocation of OpenSSL\n' "$1" "$2"
    OOM_STEP=$2 xargs -P "$(nproc)" -n 1 "build/$1/tests/oom/oom"
}

oom=build/debug/tests/oom/oom
$oom list | grep unary | run debug 1 || status=1
$oom list | grep -v unary | run debug "${OOM_STEP:-7}" || status=1
$oom list | run asan 401 || status=1
[ "$status" -eq 0 ] && echo "oom: no crash, no leak, every call has ended once"
exit $status
