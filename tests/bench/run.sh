#!/bin/sh
# Build the peers that this machine has packages for, then measure: run.sh [STAGE ...]
# stages: see bench.py. RUNS and SECS in the environment shorten it.
# Or, alone: looking [SHAPE ...], how fast the decoder and the screen are with a large capture.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=$PWD/build/bench
mkdir -p "$out"

# A capture of a million frames of each shape, or of FRAMES, looked at; tshark where it is.
look() {
    bin=build/release/tests/bench/vitro file=$out/large.pcapng
    trap 'rm -f "$file"' EXIT
    for shape in ${*:-unary ids stream conns refused notes parallel bulk ethernet}; do
        frames=${FRAMES:-1000000}
        case $shape in bulk | ethernet) frames=$((frames / 7)) ;; esac
        "$bin/captures" "$shape" "$frames" "$file" || return 1
        echo "$shape"
        "$bin/looking" "$file" || return 1
        if command -v tshark >/dev/null; then
            begun=$(date +%s%N)
            found=$(tshark -r "$file" -d tcp.port==50051,http2 -Y 'http2.type == 1' 2>/dev/null | wc -l)
            echo "  tshark -Y 'http2.type == 1': $((($(date +%s%N) - begun) / 1000000)) ms, $found packets"
        fi
    done
}
if [ "${1:-}" = looking ]; then
    shift
    look "$@"
    exit
fi

build() { # PEER PROBE WHY
    if ! sh -c "$2" >/dev/null 2>&1; then
        echo "not run: $1: $3"
    elif ! make -s -C tests/bench/peers OUT="$out" "$1" >"$out/$1.log" 2>&1; then
        echo "not run: $1: it does not build here, see build/bench/$1.log"
    fi
}

build raw 'pkg-config --exists openssl libnghttp2' 'libssl-dev or libnghttp2-dev is missing'
build cpp 'pkg-config --exists grpc++' 'libgrpc++-dev is missing'
build go 'command -v go protoc' 'go or protoc is missing'
build tonic 'command -v cargo protoc' 'cargo or protoc is missing'
[ -x "$out/raw/server" ] || exit 1
exec python3 tests/bench/bench.py "$@"
