#!/bin/sh
# Our own programs (V=asan: under the sanitizers), as one of the peers of official.sh, which says
# what the words mean.
ours=build/${V:-debug}/tests/interop/vitro-interop
word=$1
shift

case $word in
version) echo "vitro: vitro-interop-client and vitro-interop-server" ;;
client | bad_client)
    exec $ours-client --ca_file=tests/fixtures/tls/ca.pem --soak_num_threads=4 "$@"
    ;;
server)
    exec $ours-server --tls_cert_file=tests/fixtures/tls/server.pem \
        --tls_key_file=tests/fixtures/tls/server.key "$@"
    ;;
esac
