#!/bin/sh
# TLS from outside: vitro serve and vitro call with certificates, openssl's own client and server
# at the other end, and what is said when something is wrong.
set -u
cd "$(dirname "$0")/../../.." || exit 1
vitro=$PWD/build/bin/vitro
certs=tests/fixtures/tls
tmp=$(mktemp -d) || exit 1
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
failed=0
method=chat.ChatService/SendMessage

fail() {
    echo "tls: $*"
    failed=1
}

until_true() { # COMMAND...
    n=0
    until "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 200 ] || return 1
        sleep 0.05
    done
}

serve() { # OPTION...
    : >"$tmp/serving"
    TMPDIR=$tmp "$vitro" serve --listen 127.0.0.1:0 "$@" >"$tmp/serving" 2>&1 </dev/null &
    server=$!
    until_true grep -q '^listening on ' "$tmp/serving" || fail "vitro serve does not listen"
    at=$(sed -n 's/^listening on ipv4://p' "$tmp/serving")
}

stop() {
    kill "$server"
    wait "$server" || fail "vitro serve ended with $?"
    server=
    [ -z "$(find "$tmp" -name 'vitro-*')" ] || fail "a folder is left: $(ls "$tmp")"
}

call() { # STATUS WORDS OPTION...
    want=$1
    words=$2
    shift 2
    "$vitro" call "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] || fail "status $got, not $want: $* ($(cat "$tmp/err"))"
    grep -qF "$words" "$tmp/err" || fail "\"$(cat "$tmp/err")\" does not say \"$words\": $*"
}

serve --tls-cert $certs/server.pem --tls-key $certs/server.key
call 0 'status: OK (0)' "$at" $method --cacert $certs/ca.pem
call 0 'status: OK (0)' "$at" $method --cacert $certs/ca.pem --authority vitro.test
call 0 'status: OK (0)' "$at" $method --insecure --authority whatever.test
call 0 'status: OK (0)' "$at" order.OrderService/PlaceOrder --cacert $certs/ca.pem \
    -d '{"userId":"사용자2","item":"책"}'
call 3 'the channel wants "other.test" (62)' "$at" $method --cacert $certs/ca.pem \
    --authority other.test
call 3 'tls: unknown CA' "$at" $method --tls
call 3 'the peer speaks TLS, this side plain text' "$at" $method
call 3 'nofile: No such file or directory' "$at" $method --cacert nofile
call 3 'a certificate and its key are given together' "$at" $method --cert $certs/client.pem
openssl s_client -connect "$at" -alpn h2 -CAfile $certs/ca.pem -verify_return_error \
    </dev/null >"$tmp/out" 2>&1 || fail "openssl s_client: $(tail -n 5 "$tmp/out")"
grep -q 'ALPN protocol: h2' "$tmp/out" || fail "openssl s_client agreed on no h2"
openssl s_client -connect "$at" -alpn http/1.1 </dev/null >"$tmp/out" 2>&1
grep -q 'alert number 120' "$tmp/out" || fail "http/1.1 is not refused: $(tail -n 5 "$tmp/out")"

# Tokens: in the call over TLS, and with their leave over plain text; never told by mistake.
echo from-a-file >"$tmp/token"
call 0 'authorization: Bearer from-a-file ' "$at" $method --cacert $certs/ca.pem -v \
    --token-file "$tmp/token"
grep -q '^peer: ipv4:.*, TLS 1.3, .*, verified: CN=vitro.test,' "$tmp/err" ||
    fail "who the server is, is not told: $(cat "$tmp/err")"
call 2 'not sent over plain text' "$at" $method --token secret
call 2 'one token is enough' "$at" $method --tls --token secret --token-file "$tmp/token"
call 3 'a token is printable ASCII' "$at" $method --tls --token 'secret words'
! grep -q secret "$tmp/err" || fail "a token is told: $(cat "$tmp/err")"
call 3 'nofile: No such file' "$at" $method --tls --token-file nofile
call 3 'no JSON object' "$at" $method --tls --service-account "$tmp/token"

# A token of a service account, verified by openssl.
openssl genpkey -algorithm RSA -out "$tmp/key" 2>/dev/null
openssl pkey -in "$tmp/key" -pubout -out "$tmp/public"
printf '{"type":"service_account","client_email":"a@b","private_key":"%s"}' \
    "$(awk '{ printf "%s\\n", $0 }' "$tmp/key")" >"$tmp/account"
call 0 'authorization: Bearer ' "$at" $method --cacert $certs/ca.pem -v --service-account "$tmp/account"
token=$(sed -n 's/.* authorization: Bearer \([^ ]*\).*/\1/p' "$tmp/err" | head -n 1)
printf %s "${token%.*}" >"$tmp/signed"
printf '%s==' "${token##*.}" | tr _- /+ | openssl base64 -d -A >"$tmp/signature"
openssl dgst -sha256 -verify "$tmp/public" -signature "$tmp/signature" "$tmp/signed" >"$tmp/out" 2>&1 ||
    fail "openssl does not verify the token $token: $(cat "$tmp/out")"
stop

serve
call 0 'authorization: Bearer in-plain-sight ' "$at" $method -v --token in-plain-sight --allow-plain-token
grep -q '^peer: ipv4:.*, plain text$' "$tmp/err" || fail "plain text is not told: $(cat "$tmp/err")"
stop

# SIGHUP reads the files again; what is wrong with them leaves those in use.
subject() {
    openssl s_client -connect "$at" -alpn h2 </dev/null 2>/dev/null | openssl x509 -noout -subject
}
cp $certs/server.pem "$tmp/cert"
cp $certs/server.key "$tmp/its-key"
serve --tls-cert "$tmp/cert" --tls-key "$tmp/its-key"
cp $certs/server2.pem "$tmp/cert"
kill -HUP "$server"
until_true grep -q 'not the key of the certificate; the files that were read before stay in use' "$tmp/serving" ||
    fail "a key of another certificate is taken: $(cat "$tmp/serving")"
subject | grep -q 'CN = vitro.test' || fail "the certificate did not stay: $(subject)"
cp $certs/server2.key "$tmp/its-key"
kill -HUP "$server"
until_true grep -q "^read again: $tmp/cert, $tmp/its-key\$" "$tmp/serving" ||
    fail "files are not read again: $(cat "$tmp/serving")"
subject | grep -q 'CN = second' || fail "the old certificate is shown: $(subject)"
stop

# Several certificates: the name that is asked for decides, the first is for all others.
named() { # NAME OPTION...: who shows a certificate
    openssl s_client -connect "$at" -alpn h2 -servername "$@" </dev/null 2>/dev/null |
        openssl x509 -noout -subject
}
serve --tls-cert $certs/server.pem --tls-key $certs/server.key --tls-cert "$tmp/cert" \
    --tls-key "$tmp/its-key" --tls-cert $certs/site-rsa.pem --tls-key $certs/site-rsa.key
named www.a.example | grep -q 'CN = site-rsa' || fail "www.a.example: $(named www.a.example)"
named elsewhere.example | grep -q 'CN = vitro.test' || fail "others: $(named elsewhere.example)"
subject | grep -q 'CN = vitro.test' || fail "without a name: $(subject)"
call 0 'status: OK (0)' "$at" $method --cacert $certs/ca.pem --authority a.example
cp $certs/site.pem "$tmp/cert"
cp $certs/site.key "$tmp/its-key"
kill -HUP "$server"
until_true grep -q "^read again: .*$tmp/cert, .*/site-rsa.key\$" "$tmp/serving" ||
    fail "files are not read again: $(cat "$tmp/serving")"
for old in -tls1_2 -tls1_3; do
    named a.example $old | grep -q 'CN = site$' || fail "$old: $(named a.example $old)"
    named a.example $old -sigalgs RSA-PSS+SHA256:RSA+SHA256 | grep -q 'CN = site-rsa' ||
        fail "$old: a client that knows RSA alone is shown no key of RSA"
done
stop

serve --tls-cert $certs/server.pem --tls-key $certs/server.key --client-ca $certs/ca.pem
mine="--cacert $certs/ca.pem --cert $certs/client.pem --key $certs/client.key"
# shellcheck disable=SC2086  # words are wanted
call 0 'status: OK (0)' "$at" $method $mine
# shellcheck disable=SC2086
call 0 'status: OK (0)' "$at" order.OrderService/PlaceOrder -d '{"userId":"사용자2","item":"책"}' $mine
call 3 'tls: the peer requires a certificate, and none was shown (116)' "$at" $method \
    --cacert $certs/ca.pem
call 3 'tls: the peer does not know the CA of our certificate (48)' "$at" $method \
    --cacert $certs/ca.pem --cert $certs/client-other.pem --key $certs/client-other.key
# The secrets of a trace open it, unless they were to be left out.
for secrets in yes no; do
    VITRO_TRACE=file:$tmp/$secrets VITRO_TRACE_SECRETS=$secrets "$vitro" call "$at" $method \
        --insecure >"$tmp/out" 2>&1
done
grep -aq 'SERVER_HANDSHAKE_TRAFFIC_SECRET ' "$tmp/yes" || fail "a trace holds no secrets"
[ -s "$tmp/no" ] && ! grep -aq 'TRAFFIC_SECRET' "$tmp/no" || fail "a trace holds secrets"
# What stays sealed is said at the end, and what opens it.
"$vitro" inspect "$tmp/no" --plain >/dev/null 2>"$tmp/err"
grep -q ': 1 of 1 TLS connections not opened, or in part; give the key log .*--keylog FILE$' "$tmp/err" ||
    fail "without secrets inspect says: $(cat "$tmp/err")"
echo 'no key log' >"$tmp/keys"
"$vitro" inspect "$tmp/no" --plain --keylog "$tmp/keys" >/dev/null 2>"$tmp/err"
grep -q ': 1 of 1 TLS connections not opened, or in part; that key log has no secrets of theirs$' "$tmp/err" ||
    fail "with others' secrets inspect says: $(cat "$tmp/err")"
grep -ao '[A-Z_0]* [0-9a-f]\{64\} [0-9a-f]*' "$tmp/yes" | sed 's/....$/0000/' >"$tmp/keys"
"$vitro" inspect "$tmp/yes" --plain --keylog "$tmp/keys" >/dev/null 2>"$tmp/err"
grep -q ': 1 of 1 TLS connections not opened, or in part: their secrets do not open them; ' "$tmp/err" ||
    fail "with changed secrets inspect says: $(cat "$tmp/err")"
[ -z "$("$vitro" inspect "$tmp/yes" --plain 2>&1 >/dev/null)" ] || fail "what was opened is missing"

stop

serve
call 3 'tls: the peer does not speak TLS: plain text?' "$at" $method --cacert $certs/ca.pem
stop

# openssl's own server: it speaks no HTTP/2, but the handshake and what follows can be read.
mkfifo "$tmp/silent"
exec 9<>"$tmp/silent"
openssl s_server -accept 127.0.0.1:0 -alpn h2 -cert $certs/server.pem \
    -key $certs/server.key -CAfile $certs/ca.pem -Verify 1 >"$tmp/peer" 2>&1 <&9 &
server=$!
until_true grep -q '^ACCEPT' "$tmp/peer" || fail "openssl s_server does not listen"
at=$(sed -n 's/^ACCEPT //p' "$tmp/peer" | head -n 1)
SSLKEYLOGFILE=$tmp/keys
export SSLKEYLOGFILE
# shellcheck disable=SC2086
call 1 'status: DEADLINE_EXCEEDED' "$at" $method $mine --deadline 1s
until_true grep -q 'PRI \* HTTP/2.0' "$tmp/peer" || fail "no preface came: $(cat "$tmp/peer")"
grep -q 'CN = alice' "$tmp/peer" || fail "the client's certificate was not seen"
grep -q '^CLIENT_TRAFFIC_SECRET_0 ' "$tmp/keys" || fail "the key log lacks secrets"
kill "$server"
wait "$server" 2>/dev/null
server=

# What its authority has revoked, on either side; openssl is of the same opinion.
serve --tls-cert $certs/revoked.pem --tls-key $certs/revoked.key
call 0 'status: OK (0)' "$at" $method --cacert $certs/ca.pem
call 3 'tls: certificate is revoked (23)' "$at" $method --cacert $certs/ca.pem --crl $certs/crl.pem
openssl s_client -connect "$at" -alpn h2 -CAfile $certs/ca.pem -CRL $certs/crl.pem -crl_check_all \
    -verify_return_error </dev/null >"$tmp/out" 2>&1
grep -q 'certificate revoked' "$tmp/out" || fail "openssl: $(tail -n 5 "$tmp/out")"
stop
serve --tls-cert $certs/server.pem --tls-key $certs/server.key --client-ca $certs/ca.pem \
    --client-crl $certs/crl.pem
# shellcheck disable=SC2086
call 0 'status: OK (0)' "$at" $method $mine --crl $certs/crl.pem
call 3 'tls: the peer says that our certificate is revoked (44)' "$at" $method --cacert $certs/ca.pem \
    --cert $certs/revoked.pem --key $certs/revoked.key
openssl s_client -tls1_2 -connect "$at" -alpn h2 -cert $certs/revoked.pem -key $certs/revoked.key \
    </dev/null >"$tmp/out" 2>&1
grep -q 'alert number 44' "$tmp/out" || fail "openssl is told no reason: $(tail -n 5 "$tmp/out")"
stop

"$vitro" serve --tls-cert $certs/server.pem >"$tmp/out" 2>&1
[ $? -eq 2 ] || fail "a certificate without its key is no mistake: $(cat "$tmp/out")"
exit $failed
