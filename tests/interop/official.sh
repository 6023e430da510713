#!/bin/sh
# The official interoperability cases (grpc/doc/interop-test-descriptions.md), a client of one
# implementation against a server of the other, plain and under TLS. RECORD=1 writes RESULTS.md.
#
# Each case has a server of its own, and passes when the client says so and the server has seen the
# call: ours by the trace it writes (VITRO_TRACE), grpc-go's by its log of HTTP/2 frames. PAIRS
# names the pairs, else all are played.
set -u
cd "$(dirname "$0")/../.." || exit 1
go_version=v1.76.0
ours=build/debug/tests/interop/vitro-interop
go=build/interop/go/bin
tls=tests/fixtures/tls
pairs=${PAIRS:-vitro:vitro vitro:grpc-go grpc-go:vitro} # CLIENT:SERVER
server=

tmp=$(mktemp -d) || exit 1
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
why_no_go=
case $pairs in
*grpc-go*) why_no_go=$(sh tests/interop/prepare_go.sh $go_version) ;;
esac
cases=$($ours-client --help 2>&1 | sed -n 's/^cases: //p')

# ---- one server --------------------------------------------------------------------------------
start() { # IMPLEMENTATION plain|TLS
    : >"$tmp/server"
    set -- "$1" "$2" --port=0
    [ "$2" = plain ] ||
        set -- "$@" --use_tls "--tls_cert_file=$tls/server.pem" "--tls_key_file=$tls/server.key"
    kind=$1
    shift 2
    case $kind in
    vitro) VITRO_TRACE=file:$tmp/trace $ours-server "$@" >"$tmp/server" 2>&1 & ;;
    grpc-go)
        GRPC_GO_LOG_SEVERITY_LEVEL=info GODEBUG=http2debug=2 $go/server "$@" \
            >"$tmp/server" 2>&1 &
        ;;
    esac
    server=$!
    n=0
    until port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$tmp/server") && [ -n "$port" ]; do
        n=$((n + 1))
        [ $n -lt 200 ] || return 1
        sleep 0.05
    done
}

stop() {
    kill "$server"
    wait "$server" 2>/dev/null
    server=
}

# Whether the server has told of a call of this path; it may be behind the client by a moment.
saw() { # IMPLEMENTATION PATH
    n=0
    until tells "$@"; do
        n=$((n + 1))
        [ $n -lt 20 ] || return 1
        sleep 0.05
    done
}

tells() { # IMPLEMENTATION PATH
    case $1 in
    vitro) build/bin/vitro inspect "$tmp/trace" 2>/dev/null |
        grep -q -e ":path: $2 " -e " $2 begins at the server" ;;
    grpc-go) grep -q "\":path\" = \"$2\"" "$tmp/server" ;;
    esac
}

# ---- one case ----------------------------------------------------------------------------------
path_of() { # CASE
    case $1 in
    empty_unary) echo /grpc.testing.TestService/EmptyCall ;;
    client_streaming | client_compressed_streaming | cancel_after_begin)
        echo /grpc.testing.TestService/StreamingInputCall
        ;;
    server_streaming | server_compressed_streaming)
        echo /grpc.testing.TestService/StreamingOutputCall
        ;;
    ping_pong | empty_stream | cancel_after_first_response | timeout_on_sleeping_server)
        echo /grpc.testing.TestService/FullDuplexCall
        ;;
    half_duplex) echo /grpc.testing.TestService/HalfDuplexCall ;;
    unimplemented_method) echo /grpc.testing.TestService/UnimplementedCall ;;
    unimplemented_service) echo /grpc.testing.UnimplementedService/UnimplementedCall ;;
    *) echo /grpc.testing.TestService/UnaryCall ;;
    esac
}

# What one of the two official programs of grpc-go does not have.
lacks() { # CLIENT SERVER CASE
    case $1:$2:$3 in
    grpc-go:*:*compressed* | grpc-go:*:half_duplex) echo "grpc-go's client does not have it" ;;
    *:grpc-go:*compressed*) echo "grpc-go's server does not look at what is asked of compression" ;;
    esac
}

# A pass that the server may not have seen: grpc-go's client may spend its millisecond before it has
# a connection, and often cancels before it has written HEADERS (GODEBUG=http2debug=2 shows it); of
# a call that nobody serves, a trace has no note beside the bytes under TLS.
may_hide() { # CLIENT SERVER CASE plain|TLS
    case $1:$2:$3:$4 in
    grpc-go:*:timeout_on_sleeping_server:* | grpc-go:*:cancel_after_begin:* | *:vitro:unimplemented_*:TLS) return 0 ;;
    esac
    return 1
}

client() { # CLIENT CASE plain|TLS
    set -- "$1" "$3" --server_host=127.0.0.1 "--server_port=$port" "--test_case=$2"
    [ "$2" = plain ] || set -- "$@" --use_tls --use_test_ca "--ca_file=$tls/ca.pem" \
        --server_host_override=foo.vitro.test
    kind=$1
    shift 2
    case $kind in
    vitro) timeout 60 $ours-client "$@" ;;
    grpc-go) timeout 60 $go/client "$@" ;;
    esac >"$tmp/client" 2>&1
}

# One line: passed | failed: WHY | not seen | not done: WHY | not run: WHY
play() { # CLIENT SERVER CASE plain|TLS
    if [ -n "$why_no_go" ] && [ "$1$2" != vitrovitro ]; then
        echo "not run: $why_no_go"
        return
    fi
    why=$(lacks "$1" "$2" "$3")
    if [ -n "$why" ]; then
        echo "not done: $why"
        return
    fi
    start "$2" "$4" || {
        echo "failed: the server does not listen: $(tail -n 1 "$tmp/server")"
        stop
        return
    }
    client "$1" "$3" "$4"
    status=$?
    case $status in
    0)
        if saw "$2" "$(path_of "$3")"; then
            echo passed
        elif may_hide "$1" "$2" "$3" "$4"; then
            echo "not seen"
        else
            echo "failed: the server has not seen the call"
        fi
        ;;
    124) echo "failed: it does not end" ;;
    *) echo "failed: $(tail -n 1 "$tmp/client")" ;;
    esac
    stop
}

# ---- all of them -------------------------------------------------------------------------------
all() {
    for pair in $pairs; do
        for wire in plain TLS; do
            for case in $cases; do
                play "${pair%:*}" "${pair#*:}" "$case" $wire >"$tmp/result"
                result=$(cat "$tmp/result")
                echo "$pair $wire $case $result" >>"$tmp/results"
                [ "$result" = passed ] || echo "  ${pair%:*} to ${pair#*:}, $wire, $case: $result"
            done
        done
    done
}

count() { # BEGINNING
    grep -c "^[^ ]* [^ ]* [^ ]* $1" "$tmp/results"
}

cell() { # PAIR WIRE CASE
    sed -n "s/^$1 $2 $3 \([a-z ]*\).*/\1/p" "$tmp/results"
}

record() {
    echo '# The official interoperability cases'
    echo
    echo 'Written by `make interop RECORD=1`: clients against servers, the client named first.'
    echo "grpc-go is $go_version, its own interop client and server."
    echo 'passed: the client is content, and the server has seen the call. not seen: the client is'
    echo 'content, but nothing that the server wrote shows the call.'
    echo
    printf '| case |'
    for pair in $pairs; do printf ' %s to %s | TLS |' "${pair%:*}" "${pair#*:}"; done
    printf '\n|---|---|---|---|---|---|---|\n'
    for case in $cases; do
        printf '| %s |' "$case"
        for pair in $pairs; do
            printf ' %s | %s |' "$(cell "$pair" plain "$case")" "$(cell "$pair" TLS "$case")"
        done
        echo
    done
    echo
    echo 'What is not passed, and why:'
    echo
    grep -v ' passed$' "$tmp/results" |
        sed 's/^\([^:]*\):\([^ ]*\) \([^ ]*\) \([^ ]*\) /- \4, \1 to \2, \3: /'
}

all
[ "${RECORD:-}" != 1 ] || record >tests/interop/RESULTS.md
echo "official cases: $(count passed) passed, $(count failed) failed, $(count 'not seen') not seen," \
    "$(count 'not done') not done, $(count 'not run') not run"
[ "$(count failed)" -eq 0 ]
