#!/bin/sh
# grpc-go's own programs, as one of the peers of official.sh, at one version.
set -u
version=v1.76.0
dir=$PWD/build/interop/go
tls=tests/fixtures/tls
word=$1
shift

prepare() {
    command -v go >/dev/null 2>&1 || {
        echo "go is not installed"
        exit 1
    }
    [ "$(cat "$dir/.complete" 2>/dev/null)" = "$version http2" ] && exit 0
    mkdir -p "$dir"
    grpc=google.golang.org/grpc/interop
    GOPATH=$dir/path GOCACHE=$dir/cache GOBIN=$dir/bin GOFLAGS=-modcacherw timeout 300 \
        go install $grpc/client@$version $grpc/server@$version $grpc/http2@$version \
        >"$dir/go.log" 2>&1 || {
        echo "go cannot install grpc-go $version: $(tail -n 1 "$dir/go.log")"
        exit 1
    }
    echo "$version http2" >"$dir/.complete"
}

case $word in
prepare) prepare ;;
version) echo "grpc-go $version: its own interop client, server and http2 client" ;;
client) exec "$dir/bin/client" "--ca_file=$tls/ca.pem" "$@" ;;
bad_client)
    case $* in
    *padding*) exec "$dir/bin/client" "--ca_file=$tls/ca.pem" "$@" --test_case=large_unary ;;
    *) exec "$dir/bin/http2" "$@" ;;
    esac
    ;;
server)
    export GRPC_GO_LOG_SEVERITY_LEVEL=info GODEBUG=http2debug=2
    exec "$dir/bin/server" "--tls_cert_file=$tls/server.pem" "--tls_key_file=$tls/server.key" "$@"
    ;;
esac
