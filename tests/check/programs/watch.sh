#!/bin/sh
# vitro watch as a program: from an interface where that is permitted, from programs that come and
# go or are killed, its lines and its status; and vitro inspect behind a pipe that is being written.
set -u
cd "$(dirname "$0")/../../.." || exit 1
vitro=$PWD/build/bin/vitro
tmp=$(mktemp -d) || exit 1
chmod 755 "$tmp"
pids=
trap 'for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done; rm -rf "$tmp"' EXIT
failed=0

fail() {
    echo "watch: $*"
    failed=1
}

# Patience for what happens in another process, and much more for a busy machine.
until_true() { # COMMAND...
    n=0
    until "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 300 ] || return 1
        sleep 0.05
    done
}

expect_error() { # STATUS TEXT ARGUMENT...
    want=$1 text=$2
    shift 2
    timeout 20 "$vitro" watch "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] || fail "status $got, not $want: $*"
    [ "$(wc -l <"$tmp/err")" -eq 1 ] && [ ! -s "$tmp/out" ] || fail "not one line of error: $*"
    grep -q "^vitro: watch: .*$text" "$tmp/err" || fail "no '$text': $(cat "$tmp/err")"
}

# In the background, its lines in $tmp/NAME and $tmp/NAME.err, its number in $pid. SIGINT is
# ignored in the background of a script unless it is given back.
start() { # NAME COMMAND...
    name=$1
    shift
    : >"$tmp/$name"
    env --default-signal=INT "$@" >"$tmp/$name" 2>"$tmp/$name.err" </dev/null &
    pid=$!
    pids="$pids $pid"
}

watch() { # NAME ARGUMENT...
    name=$1
    shift
    start "$name" "$vitro" watch "$@"
    until_true grep -q '^watching ' "$tmp/$name.err" || fail "it does not begin: $(cat "$tmp/$name.err")"
}

serve() { # [VITRO_TRACE=...]
    start serving env "$@" "$vitro" serve --listen 127.0.0.1:0
    server=$pid
    until_true grep -q '^listening on ' "$tmp/serving" || fail "vitro serve does not listen"
    at=$(sed -n 's/^listening on ipv4://p' "$tmp/serving")
}

call() { # [VITRO_TRACE=...]; with its types from a file, as reflection has a connection of its own
    env "$@" "$vitro" call --proto proto/chat.proto "$at" chat.ChatService/SendMessage \
        -d '{"userId":"나","message":"안녕"}' >"$tmp/call" 2>&1 || fail "a call: $(cat "$tmp/call")"
}

ended() { # STATUS PID WHAT
    wait "$2"
    got=$?
    [ "$got" -eq "$1" ] || fail "status $got, not $1: $3"
}

count() { # TEXT FILE
    grep -c -- "$1" "$2"
}

has() { # TEXT FILE
    grep -q -- "$1" "$2" || fail "no '$1' in $(basename "$2"): $(tail -n 3 "$2")"
}

# Mistakes.
expect_error 2 'missing'
expect_error 2 'none of' lo
expect_error 2 'one place' unix:a unix:b
expect_error 2 'no such option' --nonsense
expect_error 2 'no such option' -i
expect_error 2 '64M' --keep 1K unix:a
expect_error 2 '64M' --keep 4X unix:a
expect_error 2 'not together' --json --plain unix:a
expect_error 3 'VITRO_TRACE=listen:' "unix:$tmp/nobody"
expect_error 3 'folder' "listen:$tmp/nowhere/trace"
echo text >"$tmp/file"
expect_error 3 'no socket' "listen:$tmp/file"
[ "$(cat "$tmp/file")" = text ] || fail "a file that is no socket was touched"
expect_error 3 'long' "listen:$tmp/$(printf '%0120d' 0)"

# Programs come and go. A connection both ends of which are watched is shown once.
watch all "listen:$tmp/trace" --json
viewer=$pid
expect_error 3 'somebody else' "listen:$tmp/trace"
serve "VITRO_TRACE=unix:$tmp/trace"
for i in 1 2 3; do call "VITRO_TRACE=unix:$tmp/trace"; done
until_true sh -c "[ \$(grep -c '\"kind\":\"left\"' '$tmp/all') -eq 3 ]" || fail "three left"
kill -KILL $server # whose trace ends without a word
wait $server 2>/dev/null
until_true sh -c "[ \$(grep -c '\"kind\":\"left\"' '$tmp/all') -eq 4 ]" || fail "one was killed"
serve
for i in 4 5; do call "VITRO_TRACE=unix:$tmp/trace"; done
until_true sh -c "[ \$(grep -c '\"kind\":\"left\"' '$tmp/all') -eq 6 ]" || fail "six have left"
kill -INT $viewer
ended 130 $viewer "Ctrl-C"
[ "$(count '"kind":"joined"' "$tmp/all")" -eq 6 ] || fail "$(count '"kind":"joined"' "$tmp/all") joined"
[ "$(count '"protobuf.message.name":"chat.MessageRequest"' "$tmp/all")" -eq 5 ] || fail "not five requests"
[ "$(count '"protobuf.field.value":"안녕"' "$tmp/all")" -eq 5 ] || fail "not five texts"
has '^{"event":"end".*"connections":5,.*"missed":0}$' "$tmp/all"
has '^listen:.*packets, 0 missed, 6 programs$' "$tmp/all.err"
[ ! -e "$tmp/trace" ] || fail "the socket's file is left"

# A viewer that is killed disturbs nobody, and the next takes its place: the program is there again.
watch killed "listen:$tmp/trace"
viewer=$pid
kill -TERM $server
wait $server
serve "VITRO_TRACE=unix:$tmp/trace"
call
kill -KILL $viewer
wait $viewer 2>/dev/null
call
[ -S "$tmp/trace" ] || fail "no stale socket to replace"
watch next "listen:$tmp/trace" --plain
viewer=$pid
until_true grep -q "program 1 joins: vitro, process $server" "$tmp/next" || fail "it is not found again"
call "VITRO_TRACE=unix:$tmp/trace"
until_true grep -q 'program 2 leaves: its trace has ended' "$tmp/next" || fail "text: $(cat "$tmp/next")"
kill -TERM $viewer
ended 0 $viewer "SIGTERM"
has '"안녕"' "$tmp/next"
kill -TERM $server
ended 0 $server "a server whose viewer was killed"

# A viewer may come last.
serve "VITRO_TRACE=unix:$tmp/trace"
call
has 'and looks for who listens there: nobody does yet$' "$tmp/serving.err"
watch late "listen:$tmp/trace" --json
viewer=$pid
until_true grep -q '"kind":"joined"' "$tmp/late" || fail "the one who was there first is not found"
call
until_true grep -q '"chat.MessageResponse"' "$tmp/late" || fail "the late viewer: $(tail -n 1 "$tmp/late")"
has '"protobuf.field.value":"안녕"' "$tmp/late"
kill -INT $viewer
ended 130 $viewer "Ctrl-C of one who came last"
kill -TERM $server
ended 0 $server "a server whose viewer came last"

# Something that is no trace is refused with a word; the others go on.
if command -v python3 >/dev/null 2>&1; then
    watch mixed "listen:$tmp/trace" --json
    viewer=$pid
    python3 -c "import socket; s = socket.socket(socket.AF_UNIX); s.connect('$tmp/trace')
s.send(b'GET / HTTP/1.1\r\n\r\n'); s.recv(1)" || fail "a peer that is no program"
    serve
    call "VITRO_TRACE=unix:$tmp/trace"
    until_true grep -q '"kind":"left".*"vitro_program":"2"' "$tmp/mixed" || fail "the second program"
    has '"message":"program 1 leaves: .*neither pcapng nor pcap' "$tmp/mixed"
    kill -INT $viewer
    ended 130 $viewer "Ctrl-C with a refused program"
    has '"connections":1,' "$tmp/mixed"
    kill -TERM $server
    wait $server
fi

# A program that serves its trace: joined, left and joined again; in text it ends with the program.
serve "VITRO_TRACE=listen:$tmp/own"
call # its first connection opens the trace
until_true [ -S "$tmp/own" ] || fail "the program serves no trace"
watch first "unix:$tmp/own" --json
viewer=$pid
call
until_true grep -q '"chat.MessageResponse"' "$tmp/first" || fail "the first viewer: $(tail -n 1 "$tmp/first")"
kill -INT $viewer
ended 130 $viewer "Ctrl-C of unix:"
watch second "unix:$tmp/own"
viewer=$pid
call
until_true grep -q 'chat.MessageResponse' "$tmp/second" || fail "the second viewer: $(cat "$tmp/second")"
kill -TERM $server
ended 0 $server "a server that was watched"
ended 0 $viewer "the program has ended"

# A pipe is followed while it is written.
mkfifo "$tmp/pipe"
serve
"$vitro" inspect - --json <"$tmp/pipe" >"$tmp/piped" 2>"$tmp/piped.err" &
viewer=$!
pids="$pids $viewer"
exec 5>"$tmp/pipe"
call "VITRO_TRACE=fd:5"
until_true grep -q '"chat.MessageResponse"' "$tmp/piped" || fail "nothing through a pipe that is open"
exec 5>&-
ended 0 $viewer "a pipe that has ended: $(cat "$tmp/piped.err")"

# An interface.
"$vitro" watch -i lo --json "port 1" >"$tmp/probe" 2>"$tmp/probe.err" &
probe=$!
until_true grep -q . "$tmp/probe.err"
kill -TERM $probe 2>/dev/null
wait $probe
if grep -q 'no permission' "$tmp/probe.err"; then
    echo "watch: lo: not run: $(sed 's/^vitro: watch: //; s/;.*//' "$tmp/probe.err")"
    has 'setcap' "$tmp/probe.err"
else
    expect_error 3 'there are .*lo' -i nosuchinterface
    expect_error 2 'pcap-filter' -i lo port port
    watch lo -i lo --json port "${at##*:}"
    viewer=$pid
    call
    until_true grep -q '"tcp.flags":17.*' "$tmp/lo" || fail "nothing on lo: $(cat "$tmp/lo")"
    if [ "$(id -u)" -eq 0 ]; then
        grep -q '^Uid:.*\b0\b' "/proc/$viewer/status" && fail "still root"
    fi
    grep -q '^CapEff:.*[1-9a-f]' "/proc/$viewer/status" && fail "still capable"
    has '^NoNewPrivs:.*1' "/proc/$viewer/status"
    kill -INT $viewer
    ended 130 $viewer "Ctrl-C of -i lo"
    [ "$(count '"protobuf.field.value":"안녕"' "$tmp/lo")" -eq 1 ] || fail "the text on lo"
    has '"grpc.path":"/chat.ChatService/SendMessage"' "$tmp/lo"
    has '^{"event":"end".*"connections":1,.*"missed":0}$' "$tmp/lo"
    has '^lo port .* packets, 0 missed$' "$tmp/lo.err"

    # What the kernel could not keep for a viewer that stands still is counted and said.
    if command -v python3 >/dev/null 2>&1; then
        cat >"$tmp/flood.py" <<'END'
import socket, sys, threading
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
def drain():
    while server.recv(1 << 20):
        pass
thread = threading.Thread(target=drain)
thread.start()
for _ in range(300):
    client.sendall(bytes(1 << 20))
client.close()
thread.join()
END
        rm -f "$tmp/pipe" && mkfifo "$tmp/pipe"
        python3 "$tmp/flood.py" <"$tmp/pipe" >"$tmp/flood" 2>&1 &
        flood=$!
        exec 5>"$tmp/pipe"
        until_true grep -q . "$tmp/flood" || fail "no flood"
        watch slow -i lo --json port "$(cat "$tmp/flood")" 5>&-
        viewer=$pid
        kill -STOP $viewer
        exec 5>&-
        wait $flood || fail "the flood: $(cat "$tmp/flood")"
        kill -CONT $viewer
        until_true grep -q '"kind":"missed".*"vitro_count":"[1-9]' "$tmp/slow" || fail "nothing missed"
        kill -INT $viewer
        ended 130 $viewer "Ctrl-C of a slow viewer"
        has '^{"event":"end".*"missed":[1-9]' "$tmp/slow"
        has ' packets, [1-9][0-9]* missed$' "$tmp/slow.err"
    fi
fi

# The help names every option.
"$vitro" help watch >"$tmp/out" || fail "vitro help watch"
for word in -i unix: listen: --keep --json missed; do has "$word" "$tmp/out"; done
exit $failed
