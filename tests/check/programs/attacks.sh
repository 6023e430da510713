#!/bin/sh
# The attacks of `make attacks` that are over at once, on real sockets.
set -u
cd "$(dirname "$0")/../../.." || exit 1
build/debug/tests/attacks/attacks build/bin/vitro rapid_reset turnover made_you_reset \
    made_you_leave continuations settings \
    >build/attacks.log && exit 0
cat build/attacks.log
exit 1
