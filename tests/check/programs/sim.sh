#!/bin/sh
# Two hundred worlds of `make sim`, a few of them under the sanitizers; and what it is worth: bytes
# of a response that are stolen on the way are missed every time.
set -u
cd "$(dirname "$0")/../../.." || exit 1
jobs=$(nproc 2>/dev/null || echo 2)
make -s WERROR=-Werror build/debug/tests/sim/sim || exit 1
make -s V=asan WERROR=-Werror build/asan/tests/sim/sim || exit 1
build/debug/tests/sim/sim --seeds 200 --jobs "$jobs" || exit 1
build/debug/tests/sim/sim --seeds 20 --jobs "$jobs" --sabotage || exit 1
ASAN_OPTIONS=detect_leaks=1 build/asan/tests/sim/sim --seeds 20 --jobs "$jobs"
