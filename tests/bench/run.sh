#!/bin/sh
# Build the peers that this machine has packages for, then measure: run.sh [STAGE ...]
# stages: verdicts unary stream samecpu mem. RUNS and SECS in the environment shorten it.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=$PWD/build/bench
mkdir -p "$out"

build() { # PEER PROBE WHY
    if ! sh -c "$2" >/dev/null 2>&1; then
        echo "not run: $1: $3"
    elif ! make -s -C tests/bench/peers OUT="$out" "$1" >"$out/$1.log" 2>&1; then
        echo "not run: $1: it does not build here, see build/bench/$1.log"
    fi
}

build raw 'pkg-config --exists openssl libnghttp2' 'libssl-dev or libnghttp2-dev is missing'
build cpp 'pkg-config --exists grpc++' 'libgrpc++-dev is missing'
build go '[ -d /usr/share/gocode/src/google.golang.org/grpc ]' 'golang-google-grpc-dev is missing'
[ -x "$out/raw/server" ] || exit 1
exec python3 tests/bench/bench.py "$@"
