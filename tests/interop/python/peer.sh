#!/bin/sh
# TestService on Python's grpcio, of the version in requirements.txt, as one of the peers of
# official.sh.
set -u
here=tests/interop/python
dir=build/interop/python
tls=tests/fixtures/tls
word=$1
shift

prepare() {
    command -v python3 >/dev/null 2>&1 || {
        echo "python3 is not installed"
        exit 1
    }
    cmp -s $here/requirements.txt $dir/requirements.txt && exit 0
    mkdir -p $dir
    timeout 300 python3 -m pip install -q --target=$dir/site -r $here/requirements.txt \
        >$dir/log 2>&1 &&
        protoc -I tests/proto --include_imports --descriptor_set_out=$dir/test.bin \
            grpc/testing/test.proto >>$dir/log 2>&1 || {
        echo "grpcio cannot be had: $(grep -m 1 ERROR $dir/log || tail -n 1 $dir/log)"
        exit 1
    }
    cp $here/requirements.txt $dir
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
