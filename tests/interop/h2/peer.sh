#!/bin/sh
# Servers that misbehave, on Python's h2, of the version in requirements.txt, as one of the peers of
# official.sh: an HTTP/2 that is neither ours nor of any gRPC library.
set -u
. tests/interop/needs.sh
here=tests/interop/h2
dir=build/interop/h2
tls=tests/fixtures/tls
word=$1
shift

export PYTHONPATH=$dir/site PYTHONDONTWRITEBYTECODE=1
case $word in
prepare) python_packages $here $dir ;;
version) echo "h2: Python's $(head -n 1 $here/requirements.txt) and our servers that misbehave on it" ;;
server)
    exec python3 $here/server.py --tls_cert_file=$tls/server.pem --tls_key_file=$tls/server.key "$@"
    ;;
esac
