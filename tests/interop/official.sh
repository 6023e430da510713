#!/bin/sh
# The official interoperability cases (grpc/doc/interop-test-descriptions.md), and those of servers
# that misbehave (negative-http2-interop-test-descriptions.md): ours against ours, then both ways
# with each peer, plain and under TLS. RECORD=1 writes RESULTS.md; PEERS names peers, else all.
#
# A peer is a folder with `lacks`, where it cannot do all, and `peer.sh WORD FLAGS`. A line of `lacks`
# is END CASES WHY, CASES a pattern of CASE, or of CASE/plain or CASE/TLS. The words:
#   prepare      get ready; when that cannot be, say why and fail
#   version      one line: what this is
#   client       play one case, by the flags of the description; status 0 is a pass
#   bad_client   the same, against a server that misbehaves; where a peer has no such client, its
#                large_unary does what the description asks in most of them
#   server       serve at --port, and say "listening on ...:PORT"; log the path of each call
#
# A case passes when the client says so and the server has seen the call: by the trace that ours
# writes (VITRO_TRACE), by what another logs while the case is played. The trace also tells which
# messages crossed compressed, as not every client can. A server that misbehaves says itself, at its
# end, whether the client did what it had to; it is ours, or one on an HTTP/2 library of Python.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=tests/interop
peers=${PEERS:-vitro h2 grpc-go grpc-c++ grpc-js java python ruby}
cases=$(build/debug/$here/vitro-interop-client --help 2>&1 | sed -n 's/^cases: //p')
bad_cases=$(build/debug/$here/vitro-interop-server --help 2>&1 | sed -n 's/^bad cases: //p')

. $here/common.sh
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

has_client() { # PEER
    [ "$1" != h2 ]
}

serves() { # PEER CASE
    case $1 in
    vitro) return 0 ;;
    h2) is_bad "$2" ;;
    *) ! is_bad "$2" ;;
    esac
}

# ---- one server --------------------------------------------------------------------------------
begin() { # PEER plain|TLS [FLAG...]
    : >"$dir/server"
    kind=$1
    wire=$2
    shift 2
    [ "$wire" = plain ] || set -- --use_tls=true "$@"
    VITRO_TRACE=file:$dir/trace sh $here/$kind/peer.sh server --port=0 "$@" >"$dir/server" 2>&1 &
    server=$!
    running=$server
    port=$(port_of $server "$dir/server")
}

stop() {
    set -- "$server"
    server=
    [ -z "$1" ] || end "$1" 2>/dev/null
}

# Ours serves one case, so that its trace is of that alone, and so does what misbehaves; the others
# serve all of them.
ready() { # SERVER CASE plain|TLS
    flags=
    ! is_bad "$2" || flags=--bad_case=$2
    if [ "$1" = vitro ] || [ -n "$flags" ] || [ -z "$server" ] || ! kill -0 "$server" 2>/dev/null; then
        stop
        begin "$1" "$3" $flags || return 1
    fi
    mark=$(wc -c <"$dir/server")
}

# ---- whether the server has seen the call ------------------------------------------------------
# It may be behind the client by a moment.
saw() { # SERVER CASE
    n=0
    until tells "$@"; do
        n=$((n + 1))
        [ $n -lt 20 ] || return 1
        sleep 0.05
    done
}

tells() { # SERVER CASE
    path=$(path_of "$2")
    case $1 in
    vitro) build/bin/vitro inspect "$dir/trace" 2>/dev/null |
        grep -q -e ":path: $path " -e " $path begins at the server" ;;
    *) tail -c "+$((mark + 1))" "$dir/server" | grep -q -E "(path|method).*$path" ;;
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

# How often a case is played until the server sees the call. On a busy machine a deadline of one
# millisecond ends before the headers have left; and peers cancel when they should have left by now.
tries() { # CLIENT CASE
    case $1:$2 in
    *:timeout_on_sleeping_server) echo 1 2 3 4 5 6 7 8 9 10 ;;
    vitro:*) echo 1 ;;
    *:cancel_after_begin) echo 1 2 3 ;;
    *) echo 1 ;;
    esac
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
    done 2>/dev/null <$here/$1/lacks
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
    timeout -k 5 60 sh $here/$kind/peer.sh $word "$@" >"$dir/client" 2>&1 &
    wait $!
}

# Ours has to end well too.
judge() { # SERVER CASE
    if ! is_bad "$2" && ! saw "$@"; then
        echo "$unseen"
    elif [ "$1" != vitro ] && ! is_bad "$2"; then
        echo passed
    elif ! stop; then
        echo "failed: $(tail -n 1 "$dir/server")"
    else
        judge_flags "$2"
    fi
}

# By the trace: the Compressed-Flags of what the case is about, its requests or its responses.
judge_flags() { # CASE
    case $1 in
    client_compressed_*) from=c2s want=010 ;; # the first is to be refused
    server_compressed_*) from=s2c want=10 ;;
    *)
        echo passed
        return
        ;;
    esac
    flags=$(build/bin/vitro inspect --json "$dir/trace" 2>/dev/null | grep '"event":"grpc"' |
        sed -n "s/.*\"dir\":\"$from\".*\"grpc.compressed_flag\":\([0-9]\).*/\1/p" | tr -d '\n')
    [ "$flags" = "$want" ] && echo passed || echo "failed: the Compressed-Flags were $flags, not $want"
}

unseen='failed: the server has not seen the call'

# Into result: passed | failed: WHY | not done: WHY | not run: WHY
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
    0) judge "$2" "$3" >"$dir/result" ;;
    124 | 137) echo "failed: it does not end" >"$dir/result" ;;
    *) echo "failed: $(tail -n 1 "$dir/client")" >"$dir/result" ;;
    esac
    result=$(cat "$dir/result")
}

# ---- all of them -------------------------------------------------------------------------------
pair() { # CLIENT SERVER plain|TLS
    running=
    dir=$tmp/$3
    mkdir -p "$dir"
    server=
    trap end_all EXIT
    trap 'exit 1' TERM
    for case in $cases; do
        serves "$2" "$case" || continue
        if [ -n "$why_not" ]; then
            result="not run: $why_not"
        else
            for _ in $(tries "$1" "$case"); do
                play "$1" "$2" "$case" "$3"
                [ "$result" = "$unseen" ] || break
            done
        fi
        echo "$1:$2 $3 $case $result" >>"$tmp/results"
        case $result in passed | "not done"*) ;; *) echo "  $1 to $2, $3, $case: $result" ;; esac
    done
}

both_wires() { # CLIENT SERVER
    (pair "$1" "$2" plain) &
    running=$!
    (pair "$1" "$2" TLS) &
    running="$running $!"
    wait
    running=
}

for name in $peers; do
    why_not=$(peer "$name" prepare) || why_not=${why_not:-it cannot be prepared}
    both_wires vitro "$name"
    [ "$name" = vitro ] || ! has_client "$name" || both_wires "$name" vitro
done

count() { # BEGINNING
    grep -c "^[^ ]* [^ ]* [^ ]* $1" "$tmp/results"
}

. $here/record.sh
[ "${RECORD:-}" != 1 ] || record >$here/RESULTS.md
echo "official cases: $(count passed) passed, $(count failed) failed, $(count 'not done') not done," \
    "$(count 'not run') not run"
[ "$(count failed)" -eq 0 ]
