#!/bin/sh
# Make the certificates that the lessons use, in this folder: sh lessons/certificates/make.sh
# They are committed, as the bytes of a lesson depend on them. Nothing real trusts them, and their
# keys are public.
set -eu
cd "$(dirname "$0")"
. ./sign.sh

is_ca='basicConstraints = critical, CA:true'
leaf='basicConstraints = CA:false'
signs='keyUsage = critical, digitalSignature'
names='subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1'
serves='extendedKeyUsage = serverAuth'
calls='extendedKeyUsage = clientAuth'

key ca
sign ca ca "$from" "$to" '/O=vitro lessons/CN=authority' "$is_ca" \
    'keyUsage = critical, keyCertSign, cRLSign'
for name in server elsewhere expired early self alice bob impostor; do
    key "$name"
done
sign server ca "$from" "$to" '/O=vitro lessons/CN=chat' "$leaf" "$signs" "$serves" "$names"
sign elsewhere ca "$from" "$to" '/O=vitro lessons/CN=elsewhere' "$leaf" "$signs" "$serves" \
    'subjectAltName = DNS:elsewhere.example'
sign expired ca "$from" 20210101000000Z '/O=vitro lessons/CN=chat' "$leaf" "$signs" "$serves" "$names"
sign early ca 21100101000000Z "$to" '/O=vitro lessons/CN=chat' "$leaf" "$signs" "$serves" "$names"
sign self self "$from" "$to" '/O=vitro lessons/CN=self' "$leaf" "$signs" "$names"
sign alice ca "$from" "$to" '/O=vitro lessons/CN=alice' "$leaf" "$signs" "$calls"
sign bob ca "$from" "$to" '/O=vitro lessons/CN=bob' "$leaf" "$signs" "$calls"
sign impostor impostor "$from" "$to" '/O=vitro lessons/CN=alice' "$leaf" "$signs" "$calls"
rm ca.key
