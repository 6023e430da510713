#!/bin/sh
# A part of `make oom`: each allocation of the library fails, and some of OpenSSL's.
set -u
cd "$(dirname "$0")/../../.." || exit 1
for scenario in $(build/debug/tests/oom/oom list | grep -v 1[23]); do
    OOM_STEP=4001 build/debug/tests/oom/oom $scenario >build/oom.log || {
        cat build/oom.log
        exit 1
    }
done
