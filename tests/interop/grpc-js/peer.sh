#!/bin/sh
# TestService on grpc-js, of the version in ../node/package.json, as one of the peers of official.sh.
set -u
here=tests/interop/grpc-js
tls=tests/fixtures/tls
word=$1
shift

export NODE_PATH=build/interop/node/node_modules
case $word in
prepare) sh tests/interop/prepare.sh ;;
version)
    pinned=$(sed -n 's,.*"@grpc/grpc-js": "\(.*\)".*,\1,p' tests/interop/node/package.json)
    echo "grpc-js $pinned: our TestService on it"
    ;;
client | bad_client) exec node $here/client.js --ca_file=$tls/ca.pem "$@" ;;
server)
    export GRPC_VERBOSITY=DEBUG GRPC_TRACE=server_call
    exec node $here/server.js --tls_cert_file=$tls/server.pem --tls_key_file=$tls/server.key "$@"
    ;;
esac
