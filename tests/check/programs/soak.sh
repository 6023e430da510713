#!/bin/sh
# Five thousand calls of `make soak` under the address sanitizer.
set -u
cd "$(dirname "$0")/../../.." || exit 1
make -s V=asan WERROR=-Werror build/asan/tests/soak/soak || exit 1
ASAN_OPTIONS=detect_leaks=1 build/asan/tests/soak/soak 5000
