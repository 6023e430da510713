#!/bin/sh
# The programs of lessons/standalone, as those who link the library alone build them: against an
# installed copy (whose path has a space), by their own Makefile, as C and as C++. Each runs over
# sockets; what it prints, its status, and that it gives all memory back are checked.
set -u
cd "$(dirname "$0")/../../.." || exit 1
work=$PWD/build/standalone
prefix="$work/a prefix"
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null' EXIT
failed=0
unset VITRO_TRACE

fail() {
    echo "standalone: $*"
    failed=1
}

rm -rf "$work" && mkdir -p "$work"
make -s WERROR=-Werror man || fail "no manual pages"
DESTDIR='' PREFIX=$prefix VERSION=0.0.0 sh tools/install.sh build || exit 1
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
export ASAN_OPTIONS=detect_leaks=1

LC_ALL=C.UTF-8 man -M "$prefix/share/man" vitro_call_send 2>/dev/null |
    grep -q 'vitro_call_send(vitro_call \*call, vitro_bytes msg, uint32_t flags,' ||
    fail "man finds no page in the installed copy"

# ---- how long they are: all behind the head comment, blank lines too ------------------------------
lines() { # FILE MOST
    n=$(sed -n '/^#include/,$p' "$prefix/share/vitro/standalone/$1" | wc -l)
    echo "  $1: $n lines, at most $2"
    [ "$n" -gt 0 ] && [ "$n" -le "$2" ] || fail "$1 has $n lines, more than $2"
}
lines unary_client.c 25
lines unary_server.c 35

# ---- building -------------------------------------------------------------------------------------
build() { # NAME COMPILER FLAGS
    cp -r "$prefix/share/vitro/standalone" "$work/$1" &&
        cc -O1 -g -Wall -Wextra -Werror -I"$prefix/include" -c -o "$work/$1/count.o" \
            tests/check/standalone/count.c &&
        make -s -C "$work/$1" CC="$2" CFLAGS="$3 -O1 -g -Wall -Wextra -Werror -fsanitize=address" \
            LDFLAGS="-Wl,-rpath,\"$prefix/lib\" count.o" >"$work/$1.log" 2>&1 || {
        cat "$work/$1.log"
        fail "$1: does not compile"
        exit 1
    }
}
build c "${CC:-gcc}" ''
build c++ "${CXX:-g++}" -std=c++17

# ---- running --------------------------------------------------------------------------------------
until_true() { # COMMAND...
    n=0
    until "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 400 ] || return 1
        sleep 0.05
    done
}

start() { # SERVER ARGUMENT...
    what=$1
    shift
    : >"$work/serving"
    "$dir/$what" 127.0.0.1:0 "$@" >"$work/serving" 2>"$work/server.err" &
    server=$!
    until_true grep -q '^listening on ' "$work/serving" || fail "$name: $what does not listen"
    at=$(sed -n 's/^listening on //p' "$work/serving")
}

# After a call: so that it runs by now, and the signal is its own.
stop() { # SERVER
    kill -TERM "$server"
    wait "$server"
    got=$?
    server=
    [ "$got" -eq 0 ] && [ ! -s "$work/server.err" ] ||
        fail "$name: $1 ends with $got: $(cat "$work/server.err")"
}

run() { # STATUS PROGRAM ARGUMENT...
    want=$1
    what=$2
    shift 2
    timeout 60 "$dir/$what" "$@" >"$work/out" 2>"$work/err" <"$work/in"
    got=$?
    [ "$got" -eq "$want" ] || fail "$name: $what: status $got, not $want: $(cat "$work/err")"
}

complains() { # REGULAR-EXPRESSION
    grep -qE -- "^$what: $1" "$work/err" || fail "$name: $what: does not complain $1: $(cat "$work/err")"
}

says() { # REGULAR-EXPRESSION...
    for line in "$@"; do
        grep -qE -- "$line" "$work/out" || fail "$name: $what: does not say $line: $(cat "$work/out")"
    done
}

: >"$work/in"
head -c 100000 /dev/urandom >"$work/file1"
printf x >"$work/file2"
for name in c c++; do
    dir=$work/$name

    start unary_server
    run 0 unary_client "$at" '안녕하세요!'
    [ "$(cat "$work/out")" = '안녕하세요!' ] || fail "$name: unary_client: $(cat "$work/out")"
    run 0 unary_client "$at" "$(printf '\033[31mred')"
    [ "$(cat "$work/out")" = '\u{1b}[31mred' ] || fail "$name: what a peer says is printed as it is"
    run 0 external_client "$at" ''
    says '^\(nothing\)$'
    run 1 stream_client "$at" somebody
    complains 'UNIMPLEMENTED: '
    run 1 unary_server "$at"
    complains 'UNAVAILABLE: .*in use'
    stop unary_server
    run 1 unary_client "$at" hello
    complains 'UNAVAILABLE: .*refused'
    run 1 unary_client 'ipv4:nonsense' hello
    complains 'INVALID_ARGUMENT: '

    certs=tests/fixtures/tls
    start secure_server $certs/server.pem $certs/server.key $certs/ca.pem right
    echo right >"$work/token"
    run 0 secure_client "$at" $certs/ca.pem "$work/token" $certs/client.pem $certs/client.key
    says '^hello, alice$'
    run 0 secure_client "$at" $certs/ca.pem "$work/token"
    says '^hello, stranger$'
    echo wrong >"$work/token"
    run 1 secure_client "$at" $certs/ca.pem "$work/token"
    complains 'UNAUTHENTICATED: .*인증 실패'
    run 1 secure_client "$at" $certs/ca.pem "$work/none"
    complains "UNAUTHENTICATED: .*cannot be read"
    run 1 secure_client "$at" $certs/client.pem "$work/token"
    complains 'UNAVAILABLE: .*unknown CA'
    stop secure_server

    # A certificate that has ended; a new one; files that do not fit together.
    cp $certs/expired.pem "$work/certificate"
    cp $certs/expired.key "$work/key"
    start reload_server "$work/certificate" "$work/key" $certs/ca.pem
    echo any >"$work/token"
    set -- "$at" $certs/ca.pem "$work/token" $certs/client.pem $certs/client.key
    run 1 secure_client "$@"
    complains 'UNAVAILABLE: .*expired'
    cp $certs/server.pem "$work/certificate"
    kill -HUP "$server"
    until_true grep -q '^reload_server: still with the old .*INVALID_ARGUMENT' "$work/server.err" ||
        fail "$name: reload_server: takes another's key: $(cat "$work/server.err")"
    cp $certs/server.key "$work/key"
    kill -HUP "$server"
    until_true grep -q '^with a new certificate$' "$work/serving" ||
        fail "$name: reload_server: $(cat "$work/server.err")"
    run 0 secure_client "$@"
    run 1 secure_client "$at" $certs/ca.pem "$work/token"
    complains 'UNAVAILABLE: .*requires a certificate'
    : >"$work/server.err"
    stop reload_server

    start health_server
    "$dir/health_client" "$at" chat.ChatService >"$work/heard" 2>"$work/err" &
    client=$!
    until_true grep -q '^it serves$' "$work/heard" || fail "$name: health_client hears nothing"
    run 0 unary_client "$at" closed
    until_true grep -q '^it does not serve$' "$work/heard" || fail "$name: $(cat "$work/heard")"
    "$prefix/bin/vitro" call "$at" list | grep -q '^chat.ChatService$' ||
        fail "$name: health_server: no reflection"
    stop health_server
    wait $client
    what=health_client
    complains 'UNAVAILABLE: .*draining'

    # The last client goes away while somebody looks.
    start worker_server
    look() { # STATUS TOKEN OPTION...
        want=$1
        token=$2
        shift 2
        "$prefix/bin/vitro" call "$at" chat.ChatService/SendMessage -H "authorization: $token" "$@" \
            >"$work/out" 2>"$work/err"
        grep -q "^status: $want " "$work/err" || fail "$name: worker_server: $(cat "$work/err")"
    }
    look OK valid-token
    look UNAUTHENTICATED wrong-token
    look DEADLINE_EXCEEDED valid-token --deadline 50ms
    look OK valid-token
    stop worker_server

    start details_server
    run 1 details_client "$at" somebody ''
    complains 'INVALID_ARGUMENT: .*a field is missing'
    [ "$(cat "$work/out")" = 'detail: google.rpc.BadRequest
message is missing' ] || fail "$name: details_client: $(cat "$work/out")"
    run 0 details_client "$at" somebody hello
    says '^hello$'
    stop details_server

    start compress_server
    long=$(printf '%0500d' 0)
    run 0 compress_client "$at" "$long" "secret $long" x
    [ "$(cat "$work/out")" = '500 characters came compressed
507 characters came plain
1 characters came plain' ] || fail "$name: compress_client: $(cat "$work/out")"
    # The trace of a process goes with it, which count takes for a loss.
    VITRO_TRACE="file:$work/$name.compress" "$dir/compress_client" "$at" "$long" "secret $long" \
        >"$work/out" 2>"$work/err"
    "$prefix/bin/vitro" inspect --json "$work/$name.compress" >"$work/inspected"
    [ "$(grep -c '"grpc.compressed_flag":1' "$work/inspected")" -eq 2 ] ||
        fail "$name: compress_client: not one compressed message in each direction"
    stop compress_server

    # The signal comes during a call, which goes on to its end, and nobody else gets in.
    start drain_server
    "$prefix/bin/vitro" call "$at" chat.ChatService/GetNotifications >"$work/heard" 2>&1 &
    client=$!
    until_true grep -q 'to come' "$work/heard" || fail "$name: drain_server: $(cat "$work/heard")"
    kill -TERM "$server"
    until_true grep -q '^waiting for 1 open calls$' "$work/serving" ||
        fail "$name: drain_server: $(cat "$work/serving")"
    run 1 stream_client "$at" somebody
    complains 'UNAVAILABLE: .*refused'
    wait $client || fail "$name: drain_server: $(cat "$work/heard")"
    grep -q '"0 to come"' "$work/heard" || fail "$name: drain_server cuts an open call"
    wait "$server" || fail "$name: drain_server ends with $?: $(cat "$work/server.err")"
    server=

    start token_server
    for token in '' wrong-token; do
        run 1 token_client "$at" ${token:+"$token"}
        for kind in SendMessage GetNotifications UploadFiles Chat; do
            says "^$kind: UNAUTHENTICATED: .*인증 실패"
        done
    done
    grep -q '^handles ' "$work/serving" && fail "$name: token_server: $(cat "$work/serving")"
    run 0 token_client "$at" valid-token
    [ "$(grep -c ': OK$' "$work/out")" -eq 4 ] || fail "$name: token_client: $(cat "$work/out")"
    [ "$(grep -c '^handles /chat.ChatService/' "$work/serving")" -eq 4 ] ||
        fail "$name: token_server: $(cat "$work/serving")"
    run 1 token_client "$at" "$(printf 'no\033token')"
    says '^SendMessage: INVALID_ARGUMENT: '

    # A token that another server has: it answers, it is silent, it is gone.
    : >"$work/tokens"
    "$dir/unary_server" "unix:$work/$name.tokens" >"$work/tokens" &
    tokens=$!
    until_true grep -q '^listening on ' "$work/tokens" || fail "$name: no server of tokens"
    run 0 fetch_client "$at" "unix:$work/$name.tokens" valid-token
    [ "$(grep -c '^hello$' "$work/out")" -eq 2 ] || fail "$name: fetch_client: $(cat "$work/out")"
    run 1 fetch_client "$at" "unix:$work/$name.tokens" wrong-token
    complains 'UNAUTHENTICATED: .*인증 실패'
    kill -STOP $tokens
    run 1 fetch_client "$at" "unix:$work/$name.tokens" valid-token
    complains 'DEADLINE_EXCEEDED: .*suspended'
    kill -CONT $tokens
    kill -TERM $tokens
    wait $tokens || fail "$name: the server of tokens ends with $?"
    run 1 fetch_client "$at" "unix:$work/$name.tokens" valid-token
    complains 'UNAUTHENTICATED: .*no token: No such file'
    stop token_server

    start chat_server
    run 0 unary_client "$at" hello
    says '^msg_[0-9]+$'
    run 0 stream_client "$at" somebody
    [ "$(wc -l <"$work/out")" -eq 1000 ] || fail "$name: stream_client: $(wc -l <"$work/out") lines"
    says '^news number 0$' '^news number 999$'
    run 0 upload_client "$at" "$work/file1" "$work/file2"
    says '^2 files, 100001 bytes$'
    run 0 chat_client "$at" 사용자1 '안녕하세요!' '반갑습니다!'
    [ "$(cat "$work/out")" = '사용자1: 안녕하세요!
사용자1: 반갑습니다!' ] || fail "$name: chat_client: $(cat "$work/out")"
    run 2 chat_client "$at"
    run 0 async_client "$at"
    says '^SendMessage: msg_' '^GetNotifications: 1000$' '^UploadFiles: 10000 bytes$' '^Chat: hello$'
    run 0 threads "$at"
    says '^400 of 400 calls answered$'
    run 0 deadline_client "$at"
    says '^x-tenant: blue$' '^with metadata: OK$' '^with a deadline: DEADLINE_EXCEEDED: ' \
        '^given up: CANCELLED: '
    run 0 ready_client "$at"
    [ "$(tr '\n' ' ' <"$work/out")" = 'channel: CONNECTING channel: READY call: OK channel: SHUTDOWN ' ] ||
        fail "$name: ready_client: $(cat "$work/out")"
    run 0 trace_client "$at" "$work/$name.pcapng"
    "$prefix/bin/vitro" inspect --plain "$work/$name.pcapng" >"$work/inspected" ||
        fail "$name: trace_client: its trace cannot be read"
    for words in "calling $at" 'chat.MessageRequest' 'watch me'; do
        grep -qF "$words" "$work/inspected" || fail "$name: the trace does not say $words"
    done

    # A chat on standard input, with another member in the room: each hears the other.
    rm -f "$work/pipe" && mkfifo "$work/pipe"
    "$dir/poll_client" "$at" a <"$work/pipe" >"$work/heard" 2>"$work/err" &
    client=$!
    exec 9>"$work/pipe"
    echo 'hello from a' >&9
    until_true grep -q '^a: hello from a$' "$work/heard" || fail "$name: poll_client hears nothing"
    run 0 chat_client "$at" b 'hello from b'
    until_true grep -q '^b: hello from b$' "$work/heard" || fail "$name: poll_client is deaf"
    exec 9>&-
    wait $client || fail "$name: poll_client ends with $?: $(cat "$work/err")"

    # Open calls end by themselves within the grace of the server.
    "$dir/poll_client" "$at" c <"$work/pipe" >"$work/heard" 2>"$work/err" &
    client=$!
    exec 9>"$work/pipe"
    echo 'one' >&9
    until_true grep -q '^c: one$' "$work/heard" || fail "$name: poll_client hears nothing"
    kill -TERM "$server"
    echo 'two' >&9
    until_true grep -q '^c: two$' "$work/heard" || fail "$name: a signal cuts an open call"
    exec 9>&-
    wait $client || fail "$name: poll_client after the signal: $(cat "$work/err")"
    wait "$server" || fail "$name: chat_server ends with $?: $(cat "$work/server.err")"
    server=

    # A client before its server.
    "$dir/ready_client" "unix:$work/$name.sock" >"$work/heard" 2>"$work/err" &
    client=$!
    until_true grep -q TRANSIENT_FAILURE "$work/heard" || fail "$name: $(cat "$work/heard")"
    "$dir/unary_server" "unix:$work/$name.sock" >"$work/serving" 2>"$work/server.err" &
    server=$!
    wait $client || fail "$name: ready_client does not wait: $(cat "$work/err")"
    [ "$(sed -n 2,4p "$work/heard" | tr '\n' ' ')" = \
        'channel: TRANSIENT_FAILURE channel: READY call: OK ' ] ||
        fail "$name: ready_client: $(cat "$work/heard")"
    stop unary_server
done
exit $failed
