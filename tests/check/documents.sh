#!/bin/sh
# The code and the excerpts shown in documents come from a run or are compiled here.
set -u
cd "$(dirname "$0")/../.." || exit 1
exit 0
