#!/bin/sh
# grpc-go's own clients, at the version of go.mod, as one of the peers of official.sh; cases/ plays
# what they cannot, and service/ puts what grpc-go's TestService does not look at before it.
set -u
. tests/interop/needs.sh
here=tests/interop/grpc-go
dir=$PWD/build/interop/go
tls=tests/fixtures/tls
version=$(sed -n 's,^require google.golang.org/grpc ,,p' $here/go.mod)
word=$1
shift

prepare() {
    needs go
    made=$(cat $here/go.mod $here/*/*.go && go version)
    [ "$made" = "$(cat "$dir/made" 2>/dev/null)" ] && exit 0
    mkdir -p "$dir"
    GOPATH=$dir/path GOCACHE=$dir/cache GOBIN=$dir/bin GOFLAGS=-modcacherw timeout 600 \
        go -C $here install ./cases ./service tool >"$dir/log" 2>&1 || {
        echo "go cannot install grpc-go $version: $(tail -n 1 "$dir/log")"
        exit 1
    }
    echo "$made" >"$dir/made"
}

case $word in
prepare) prepare ;;
version) echo "grpc-go $version: its own interop client, http2 client and TestService" ;;
client)
    case $* in
    *compressed* | *=half_duplex* | *=timeout*) program=cases ;;
    *) program=client ;;
    esac
    exec "$dir/bin/$program" "--ca_file=$tls/ca.pem" "$@"
    ;;
bad_client)
    case $* in
    *padding*) exec "$dir/bin/client" "--ca_file=$tls/ca.pem" "$@" --test_case=large_unary ;;
    *use_tls=true* | *=rst_during_data*) exec "$dir/bin/cases" "--ca_file=$tls/ca.pem" "$@" ;;
    *) exec "$dir/bin/http2" "$@" ;;
    esac
    ;;
server)
    export GODEBUG=http2debug=2
    exec "$dir/bin/service" "--tls_cert_file=$tls/server.pem" "--tls_key_file=$tls/server.key" "$@"
    ;;
esac
