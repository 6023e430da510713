#!/bin/sh
# TestService on Python's grpcio, of the version in requirements.txt, as one of the peers of
# official.sh.
set -u
. tests/interop/needs.sh
here=tests/interop/python
dir=build/interop/python
tls=tests/fixtures/tls
word=$1
shift

prepare() {
    needs protoc
    python_packages $here $dir
    protoc -I tests/proto --include_imports --descriptor_set_out=$dir/test.bin grpc/testing/test.proto
}

export PYTHONPATH=$dir/site TEST_DESCRIPTORS=$dir/test.bin PYTHONDONTWRITEBYTECODE=1
case $word in
prepare) prepare ;;
version) echo "python: $(tr '\n' ' ' <$here/requirements.txt)and our TestService on them" ;;
client | bad_client) exec python3 $here/client.py --ca_file=$tls/ca.pem "$@" ;;
server)
    exec python3 $here/server.py --tls_cert_file=$tls/server.pem --tls_key_file=$tls/server.key "$@"
    ;;
esac
