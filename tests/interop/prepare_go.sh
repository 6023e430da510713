#!/bin/sh
# grpc-go's own interoperability client and server, at one version, in build/interop/go/bin; silent
# when they are there. Says why and fails when they cannot be: Go is missing, or its proxy cannot be
# reached.
set -u
cd "$(dirname "$0")/../.." || exit 1
version=$1
dir=$PWD/build/interop/go

command -v go >/dev/null 2>&1 || {
    echo "go is not installed"
    exit 1
}
[ "$(cat "$dir/.complete" 2>/dev/null)" = "$version" ] && exit 0
mkdir -p "$dir" && cd "$dir" || exit 1
GOPATH=$dir/path GOCACHE=$dir/cache GOBIN=$dir/bin GOFLAGS=-modcacherw timeout 300 \
    go install "google.golang.org/grpc/interop/client@$version" \
    "google.golang.org/grpc/interop/server@$version" >go.log 2>&1 || {
    echo "go cannot install grpc-go $version: $(tail -n 1 go.log)"
    exit 1
}
echo "$version" >"$dir/.complete"
