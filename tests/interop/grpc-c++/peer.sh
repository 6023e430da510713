#!/bin/sh
# TestService on grpc C++, the one that is installed, as one of the peers of official.sh.
set -u
. tests/interop/needs.sh
here=tests/interop/grpc-c++
dir=build/interop/cpp
tls=tests/fixtures/tls
word=$1
shift

build() {
    for name in empty messages test; do
        protoc -I tests/proto --cpp_out=$dir --grpc_out=$dir \
            "--plugin=protoc-gen-grpc=$(command -v grpc_cpp_plugin)" \
            grpc/testing/$name.proto || return
    done
    for name in empty messages test; do
        g++ -std=c++17 -O1 -I $dir -c -o $dir/$name.o $dir/grpc/testing/$name.pb.cc || return
    done
    g++ -std=c++17 -O1 -I $dir -c -o $dir/stubs.o $dir/grpc/testing/test.grpc.pb.cc || return
    for name in client server; do
        # shellcheck disable=SC2046  # words are wanted
        g++ -std=c++17 -O1 -I $dir -o $dir/$name $here/$name.cc $dir/*.o \
            $(pkg-config --libs grpc++ protobuf) -pthread || return
    done
}

prepare() {
    needs g++ protoc grpc_cpp_plugin
    pkg-config --exists grpc++ || {
        echo "libgrpc++-dev is not installed"
        exit 1
    }
    made=$(cat $here/*.cc $here/*.h && pkg-config --modversion grpc++)
    [ "$made" = "$(cat $dir/made 2>/dev/null)" ] && exit 0
    mkdir -p $dir
    build >$dir/log 2>&1 || {
        echo "it does not compile: $(grep -m 1 error $dir/log)"
        exit 1
    }
    echo "$made" >$dir/made
}

case $word in
prepare) prepare ;;
version) echo "grpc-c++ $(pkg-config --modversion grpc++): our TestService on it" ;;
client | bad_client) exec $dir/client --ca_file=$tls/ca.pem "$@" ;;
server)
    export GRPC_VERBOSITY=DEBUG GRPC_TRACE=chttp2_hpack_parser
    exec $dir/server --tls_cert_file=$tls/server.pem --tls_key_file=$tls/server.key "$@"
    ;;
esac
