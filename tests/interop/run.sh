#!/bin/sh
# make interop: gRPC's own implementation on the other end, over loopback, both ways.
# The chat of tests/interop/node against `vitro serve`, chat_client.c against the Node server, and
# each other service of `vitro serve` from Node, messages compressed by either side, and the Node
# pair seen by `vitro watch -i lo` as it talks. What is printed must be what expected*.txt say;
# the order counts within each call.
set -u
cd "$(dirname "$0")/../.." || exit 1
vitro=build/bin/vitro
client=build/debug/tests/interop/chat_client
node=build/interop/node
why=$(sh tests/interop/prepare.sh) || {
    echo "interop: not run: $why"
    exit 0
}
. tests/interop/common.sh

# The lines of each call in their order; no line more or less.
same_lines() { # GOT EXPECTED
    sed 's/msg_[0-9]\{13\}$/msg_<ms>/' "$1" >"$1.masked"
    for call in '^reply' '^notification' '^서버\|^chat' '^upload' '^user' '^order' '^room' '^file' '^sensor' ''; do
        grep "$call" "$1.masked" >"$1.call"
        grep "$call" "$2" >"$2.call.$$"
        if [ -z "$call" ]; then # whatever was printed besides
            sort -o "$1.call" "$1.call"
            sort -o "$2.call.$$" "$2.call.$$"
        fi
        diff "$2.call.$$" "$1.call" >"$1.diff"
        equal=$?
        rm -f "$2.call.$$"
        if [ $equal -ne 0 ]; then
            cat "$1.diff"
            return 1
        fi
    done
}

judge() { # NAME STATUS EXPECTED
    ok=yes
    [ "$2" -eq 0 ] || {
        ok=no
        echo "$1: status $2"
    }
    cp "tests/interop/$3" "$tmp/expected"
    same_lines "$tmp/$1" "$tmp/expected" || ok=no
    [ -s "$tmp/$1.err" ] && {
        ok=no
        cat "$tmp/$1.err"
    }
    verdict "$1" $ok
}

# What the server said, without where it listens.
judge_log() { # NAME SERVER
    tail -n +2 "$tmp/$2.log" >"$tmp/$1"
    : >"$tmp/$1.err"
    ok=yes
    printf '사용자1: 안녕하세요!\n사용자1: 안녕하세요!\n사용자1: 반갑습니다!\n' | cmp -s - "$tmp/$1" || ok=no
    verdict "$1" $ok
}

# SIGTERM: everything ended well.
judge_end() { # NAME PID
    end "$2" && verdict "$1" yes || verdict "$1" no
}

# The four kinds of call from `vitro call`.
call_all() { # HOST:PORT
    for of in SendMessage GetNotifications UploadFiles Chat; do
        case $of in
        UploadFiles) json='{"data":"AAEC","filename":"a"}{"data":"Aw==","filename":"b"}' ;;
        Chat) json='{"userId":"나","text":"1"}{"userId":"나","text":"둘"}' ;;
        *) json='{"userId":"나"}' ;;
        esac
        $vitro call "$1" chat.ChatService/$of -d "$json" --deadline 30s 2>&1 | sed 's/: OK$//'
    done | sed 's/msg_[0-9]*/msg_<ms>/'
}

call_expected() {
    echo '{"success":true,"messageId":"msg_<ms>"}'
    echo 'status: OK (0)'
    for n in 0 1 2 3 4; do
        printf '{"id":"notif_%s","title":"알림 %s",' $n $((n + 1))
        echo '"content":"나님에게 새로운 메시지가 있습니다."}'
    done
    echo 'status: OK (0)'
    echo '{"fileCount":2,"totalSize":"4"}'
    echo 'status: OK (0)'
    echo '{"userId":"서버","text":"에코: 1"}'
    echo '{"userId":"서버","text":"에코: 둘"}'
    echo 'status: OK (0)'
}

# Requests compressed by `vitro call`, each algorithm: the Node server reads them.
call_compressed() { # HOST:PORT
    long=$(printf 'a%.0s' $(seq 300))
    for name in gzip deflate; do
        $vitro call "$1" chat.ChatService/Chat --compress $name --deadline 30s \
            -d "{\"userId\":\"나\",\"text\":\"$long\"}" 2>&1 | sed "s/$long/<long>/; s/: OK$//"
    done
}

call_compressed_expected() {
    for name in gzip deflate; do
        echo '{"userId":"서버","text":"에코: <long>"}'
        echo 'status: OK (0)'
    done
}

# By the server's own trace: what grpc-js was asked to compress was, and every reply was.
judge_compressed() { # STATUS
    printf 'identity: true\ndeflate: true\ngzip: true\n' | cmp -s - "$tmp/compress" || {
        cat "$tmp/compress" "$tmp/compress.err"
        verdict compressed no
        return
    }
    $vitro inspect --json "$tmp/squeezed.pcapng" | grep '"event":"grpc"' |
        sed 's/.*"dir":"\(...\)".*"grpc.compressed_flag":\([0-9]\).*/\1 \2/' | tr '\n' ' ' >"$tmp/flags"
    [ "$1" -eq 0 ] && [ "$(cat "$tmp/flags")" = 'c2s 0 s2c 1 c2s 1 s2c 1 c2s 1 s2c 1 ' ] &&
        verdict compressed yes || {
        echo "compressed flags: $(cat "$tmp/flags")"
        verdict compressed no
    }
}

# `vitro watch` on loopback beside the Node pair: ready when it says so, or "why" when it may not.
start_watch() { # PORT
    env --default-signal=INT $vitro watch -i lo --json port "$1" >"$tmp/watched.json" \
        2>"$tmp/watching.err" &
    pid_watch=$!
    running="$running $pid_watch"
    n=0
    until grep -q . "$tmp/watching.err"; do
        n=$((n + 1))
        [ $n -lt 100 ] || break
        sleep 0.1
    done
    grep -q '^watching lo' "$tmp/watching.err"
}

# The first reply is seen while the client still talks: live.
judge_live() { # CLIENT
    n=0
    until grep -q '"chat.MessageResponse"' "$tmp/watched.json"; do
        n=$((n + 1))
        [ $n -lt 50 ] || break
        sleep 0.1
    done
    kill -0 "$1" 2>/dev/null && [ $n -lt 50 ] && verdict watched-live yes || verdict watched-live no
}

# Stop it and compare what it has seen with what a client prints.
judge_watch() {
    end "$pid_watch" INT
    [ $? -eq 130 ] || echo "vitro watch: $(cat "$tmp/watching.err")"
    python3 tests/interop/watched.py <"$tmp/watched.json" >"$tmp/watched" 2>"$tmp/watched.err"
    judge watched $? expected.txt
}

start ours $vitro serve --listen 127.0.0.1:0 --threads 2
start all $vitro serve --listen 127.0.0.1:0 --threads 2
start squeezed env "VITRO_TRACE=file:$tmp/squeezed.pcapng" $vitro serve --listen 127.0.0.1:0 --compress gzip
start theirs node $node/server.js 127.0.0.1:0
start plain node $node/server.js 127.0.0.1:0
start pair node $node/server.js 127.0.0.1:0
start_watch "$port_pair" && watches=yes || watches=no
# All at once: they wait most of the time.
timeout 60 node $node/client.js "127.0.0.1:$port_ours" >"$tmp/node-to-vitro" 2>"$tmp/node-to-vitro.err" &
one=$!
timeout 60 $client "ipv4:127.0.0.1:$port_theirs" >"$tmp/vitro-to-node" 2>"$tmp/vitro-to-node.err" &
two=$!
timeout 60 node $node/services.js "127.0.0.1:$port_all" proto >"$tmp/services" 2>"$tmp/services.err" &
three=$!
call_all "127.0.0.1:$port_plain" >"$tmp/call-to-node" &
four=$!
timeout 60 node $node/compress.js "127.0.0.1:$port_squeezed" >"$tmp/compress" 2>"$tmp/compress.err" &
six=$!
call_compressed "127.0.0.1:$port_plain" >"$tmp/compressed-to-node" &
seven=$!
timeout 60 node $node/client.js "127.0.0.1:$port_pair" >"$tmp/node-to-node" 2>"$tmp/node-to-node.err" &
five=$!
[ $watches = no ] || judge_live $five
wait $one
judge node-to-vitro $? expected.txt
wait $two
judge vitro-to-node $? expected.txt
wait $three
judge services $? expected_services.txt
wait $four
call_expected | cmp -s - "$tmp/call-to-node" && verdict call-to-node yes || {
    cat "$tmp/call-to-node"
    verdict call-to-node no
}
wait $seven
call_compressed_expected | cmp -s - "$tmp/compressed-to-node" && verdict compressed-to-node yes || {
    cat "$tmp/compressed-to-node"
    verdict compressed-to-node no
}
wait $six
compressed=$?
end "$pid_squeezed"
judge_compressed $compressed
wait $five
judge node-to-node $? expected.txt
if [ $watches = yes ]; then
    judge_watch
else
    echo "  watched: not run: $(sed 's/^vitro: watch: //; s/;.*//' "$tmp/watching.err")"
fi
judge_log log-of-vitro ours
judge_log log-of-node theirs
judge_end vitro-drains "$pid_ours"
judge_end vitro-drains-all "$pid_all"
judge_end node-drains "$pid_theirs"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
