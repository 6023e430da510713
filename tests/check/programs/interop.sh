#!/bin/sh
# The official interoperability cases, our client against our server: all pass, plain and under TLS.
set -u
cd "$(dirname "$0")/../../.." || exit 1
lines=$(PEERS=vitro sh tests/interop/official.sh 2>&1) && exit 0
echo "$lines"
exit 1
