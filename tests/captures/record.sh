#!/bin/sh
# Record the captures that need gRPC for Node: record.sh [DIRECTORY]. By hand, when they are to be
# made anew; afterwards `make bless`. Port 50051 must be free, and dumpcap allowed to capture.
set -eu
cd "$(dirname "$0")/../.."
to=${1:-captures}
port=50051
node=build/interop/node
tmp=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill "$pid" 2>/dev/null || :; done; rm -rf "$tmp"' EXIT

until_it_says() { # WORDS FILE
    n=0
    until grep -q "$1" "$2"; do
        n=$((n + 1))
        [ $n -lt 100 ] || {
            echo "record: $2: $(cat "$2")" >&2
            exit 1
        }
        sleep 0.1
    done
}

# What dumpcap tells of the machine is left behind with the format that has no room for it.
record() { # NAME SERVER CLIENT
    name=$1 server=$2 client=$3
    : >"$tmp/server" >"$tmp/dump"
    $server >"$tmp/server" 2>&1 &
    server_pid=$!
    pids="$pids $server_pid"
    until_it_says '^listening on ' "$tmp/server"
    dumpcap -q -i lo -f "tcp port $port" -w "$tmp/lo.pcapng" 2>"$tmp/dump" &
    dump_pid=$!
    pids="$pids $dump_pid"
    until_it_says 'File:\|Capturing on' "$tmp/dump"
    sleep 1
    $client >"$tmp/client"
    sleep 1
    kill -INT $dump_pid && wait $dump_pid || :
    kill $server_pid && wait $server_pid || :
    pids=
    editcap -F nsecpcap "$tmp/lo.pcapng" "$tmp/lo.pcap"
    editcap -F pcapng "$tmp/lo.pcap" "$to/$name.pcapng"
    chmod 644 "$to/$name.pcapng"
}

sh tests/interop/prepare.sh
record node-to-vitro "build/bin/vitro serve --listen 127.0.0.1:$port" \
    "node $node/client.js 127.0.0.1:$port"
record vitro-to-node "node $node/server.js 127.0.0.1:$port" \
    "build/debug/tests/interop/chat_client ipv4:127.0.0.1:$port"
