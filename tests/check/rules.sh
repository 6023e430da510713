#!/bin/sh
# The protocol rules that must have a test of their own, named rNN_claim.
set -u
cd "$(dirname "$0")/../.." || exit 1
status=0
for n in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 \
    32 33 34 35 39 43; do
    grep -qE "Test\([^)]*[ ,]r${n}_[a-z]" tests/unit/*.c || {
        echo "rules: no test named r${n}_..."
        status=1
    }
done
exit $status
