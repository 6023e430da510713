#!/bin/sh
# The official interoperability cases (grpc/doc/interop-test-descriptions.md), and those of servers
# that misbehave (negative-http2-interop-test-descriptions.md): ours against ours, then both ways
# with each peer, plain and under TLS. RECORD=1 writes RESULTS.md; PEERS names peers, else all.
#
# A peer is a folder with `lacks`, what it cannot do and why, and `peer.sh WORD FLAGS`:
#   prepare      get ready; when that cannot be, say why and fail
#   version      one line: what this is
#   client       play one case, by the flags of the description; status 0 is a pass
#   bad_client   the same, against a server that misbehaves; where a peer has no such client, its
#                large_unary does what the description asks in most of them
#   server       serve at --port, and say "listening on ...:PORT"; log the path of each call
#
# A case passes when the client says so and the server has seen the call: by the trace that ours
# writes (VITRO_TRACE), by what another logs while the case is played. A server that misbehaves is
# always ours, and says itself at its end whether the client did what it had to.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=tests/interop
peers=${PEERS:-vitro grpc-go grpc-c++ grpc-js java python ruby}
cases=$(build/debug/$here/vitro-interop-client --help 2>&1 | sed -n 's/^cases: //p')
bad_cases=$(build/debug/$here/vitro-interop-server --help 2>&1 | sed -n 's/^bad cases: //p')

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/results"

peer() { # NAME WORD [FLAG...]
    name=$1
    shift
    sh "$here/$name/peer.sh" "$@"
}

is_bad() { # CASE
    case " $bad_cases " in *" $1 "*) return 0 ;; esac
    return 1
}

# ---- one server --------------------------------------------------------------------------------
start() { # PEER plain|TLS [FLAG...]
    : >"$dir/server"
    kind=$1
    wire=$2
    shift 2
    [ "$wire" = plain ] || set -- --use_tls=true "$@"
    VITRO_TRACE=file:$dir/trace sh $here/$kind/peer.sh server --port=0 "$@" >"$dir/server" 2>&1 &
    server=$!
    n=0
    until port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$dir/server") && [ -n "$port" ]; do
        n=$((n + 1))
        [ $n -lt 400 ] && kill -0 $server 2>/dev/null || return 1
        sleep 0.05
    done
}

stop() {
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    set -- $?
    server=
    return "$1"
}

# Ours serves one case, so that its trace is of that alone; the others serve all of them.
ready() { # SERVER CASE plain|TLS
    flags=
    ! is_bad "$2" || flags=--bad_case=$2
    if [ "$1" = vitro ] || [ -z "$server" ] || ! kill -0 "$server" 2>/dev/null; then
        stop
        start "$1" "$3" $flags || return 1
    fi
    mark=$(wc -c <"$dir/server")
}

# ---- whether the server has seen the call ------------------------------------------------------
# It may be behind the client by a moment.
saw() { # SERVER PATH
    n=0
    until tells "$@"; do
        n=$((n + 1))
        [ $n -lt 20 ] || return 1
        sleep 0.05
    done
}

tells() { # SERVER PATH
    case $1 in
    vitro) build/bin/vitro inspect "$dir/trace" 2>/dev/null |
        grep -q -e ":path: $2 " -e " $2 begins at the server" ;;
    *) tail -c "+$((mark + 1))" "$dir/server" | grep -q -E "(path|method).*$2" ;;
    esac
}

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

# A pass that the server may not have seen: a client may spend its millisecond before it has a
# connection, or cancel before it has written HEADERS.
may_hide() { # CLIENT CASE
    case $1:$2 in
    vitro:*) return 1 ;;
    *:timeout_on_sleeping_server | *:cancel_after_begin) return 0 ;;
    esac
    return 1
}

# ---- one case ----------------------------------------------------------------------------------
# Why one end cannot, from its `lacks`.
lacks() { # PEER client|server CASE plain|TLS
    while read -r end pattern why; do
        [ "$end" = "$2" ] || continue
        case $3:$3/$4 in $pattern:* | *:$pattern)
            echo "$why"
            return
            ;;
        esac
    done <$here/$1/lacks
}

client() { # CLIENT CASE plain|TLS
    set -- "$1" "$3" --server_host=127.0.0.1 "--server_port=$port" "--test_case=$2"
    [ "$2" = plain ] || set -- "$@" --use_tls=true --use_test_ca=true \
        --server_host_override=foo.vitro.test
    case $case in *_soak) set -- "$@" --soak_per_iteration_max_acceptable_latency_ms=10000 \
        --soak_overall_timeout_seconds=60 ;; esac
    kind=$1
    shift 2
    word=client
    ! is_bad "$case" || word=bad_client
    timeout 60 sh $here/$kind/peer.sh $word "$@" >"$dir/client" 2>&1
}

# Ours has to end well too.
verdict() { # CLIENT SERVER CASE
    if is_bad "$3" || saw "$2" "$(path_of "$3")"; then
        [ "$2" != vitro ] || stop && echo passed || echo "failed: $(tail -n 1 "$dir/server")"
    elif may_hide "$1" "$3"; then
        echo "not seen"
    else
        echo "failed: the server has not seen the call"
    fi
}

# Into result: passed | failed: WHY | not seen | not done: WHY | not run: WHY
play() { # CLIENT SERVER CASE plain|TLS
    why=$(lacks "$1" client "$3" "$4")
    why=${why:-$(lacks "$2" server "$3" "$4")}
    if [ -n "$why" ]; then
        result="not done: $why"
        return
    fi
    ready "$2" "$3" "$4" || {
        result="failed: the server does not listen: $(tail -n 1 "$dir/server")"
        return
    }
    client "$1" "$3" "$4"
    case $? in
    0) verdict "$1" "$2" "$3" >"$dir/result" ;;
    124) echo "failed: it does not end" >"$dir/result" ;;
    *) echo "failed: $(tail -n 1 "$dir/client")" >"$dir/result" ;;
    esac
    result=$(cat "$dir/result")
}

# ---- all of them -------------------------------------------------------------------------------
cases_of() { # SERVER
    for case in $cases; do
        [ "$1" != vitro ] && is_bad "$case" || echo "$case"
    done
}

pair() { # CLIENT SERVER plain|TLS
    dir=$tmp/$3
    mkdir -p "$dir"
    server=
    trap stop EXIT
    for case in $(cases_of "$2"); do
        if [ -n "$why_not" ]; then
            result="not run: $why_not"
        else
            for _ in 1 2 3; do # what may hide does not always
                play "$1" "$2" "$case" "$3"
                [ "$result" = "not seen" ] || break
            done
        fi
        echo "$1:$2 $3 $case $result" >>"$tmp/results"
        case $result in passed | "not done"*) ;; *) echo "  $1 to $2, $3, $case: $result" ;; esac
    done
}

both_wires() { # CLIENT SERVER
    (pair "$1" "$2" plain) &
    (pair "$1" "$2" TLS) &
    wait
}

for name in $peers; do
    why_not=$(peer "$name" prepare) || why_not=${why_not:-it cannot be prepared}
    both_wires vitro "$name"
    [ "$name" = vitro ] || both_wires "$name" vitro
done

count() { # BEGINNING
    grep -c "^[^ ]* [^ ]* [^ ]* $1" "$tmp/results"
}

. $here/record.sh
[ "${RECORD:-}" != 1 ] || record >$here/RESULTS.md
echo "official cases: $(count passed) passed, $(count failed) failed, $(count 'not seen') not seen," \
    "$(count 'not done') not done, $(count 'not run') not run"
[ "$(count failed)" -eq 0 ]
