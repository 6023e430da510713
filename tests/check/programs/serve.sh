#!/bin/sh
# vitro serve as a program: where it listens, how it ends, what it refuses, what it logs.
set -u
cd "$(dirname "$0")/../../.." || exit 1
vitro=$PWD/build/bin/vitro
client=build/debug/tests/interop/chat_client
tmp=$(mktemp -d) || exit 1
servers=
trap 'for pid in $servers; do kill -KILL "$pid" 2>/dev/null; done; rm -rf "$tmp"' EXIT
failed=0

fail() {
    echo "serve: $*"
    failed=1
}

# One line on stderr, and nothing on stdout: that is an error.
expect_error() { # STATUS COMMAND...
    want=$1
    shift
    timeout 10 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] || fail "status $got, not $want: $*"
    [ "$(wc -l <"$tmp/err")" -eq 1 ] && [ ! -s "$tmp/out" ] || fail "not one line of error: $*"
    grep -q '^vitro: serve: ' "$tmp/err" || fail "not as vitro says it: $(cat "$tmp/err")"
}

until_true() { # COMMAND...
    n=0
    until "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 100 ] || return 1
        sleep 0.1
    done
}

wait_for() { # TEXT FILE
    until_true grep -q "$1" "$2" || {
        fail "no '$1': $(cat "$2" "$tmp/err" 2>/dev/null)"
        return 1
    }
}

# Start a server in the background, its first line in $tmp/log; sets pid and port. SIGINT is
# ignored in the background of a script unless it is given back.
start() { # OPTIONS...
    : >"$tmp/log"
    env --default-signal=INT "$vitro" serve "$@" >"$tmp/log" 2>"$tmp/err" &
    pid=$!
    servers="$servers $pid"
    wait_for '^listening on ' "$tmp/log"
    port=$(sed -n '1s/.*://p' "$tmp/log")
}

ended() { # STATUS PID WHAT
    wait "$2"
    got=$?
    [ "$got" -eq "$1" ] || fail "status $got, not $1: $3"
}

# Mistakes.
expect_error 2 "$vitro" serve extra
expect_error 2 "$vitro" serve --nonsense
expect_error 2 "$vitro" serve --listen
expect_error 2 "$vitro" serve --threads 0
expect_error 2 "$vitro" serve --threads 65
expect_error 2 "$vitro" serve --threads 1x
expect_error 2 "$vitro" serve --compress identity
expect_error 2 "$vitro" serve --keepalive often
expect_error 2 "$vitro" serve --max-connection-age 0s
expect_error 2 "$vitro" serve --max-connection-idle
grep -q -- '--max-connection-idle' "$tmp/err" || fail "which option is not said: $(cat "$tmp/err")"
expect_error 2 "$vitro" serve --listen 127.0.0.1:port
expect_error 3 "$vitro" serve --listen unix:/nonexistent/socket
expect_error 3 "$vitro" serve --listen ipv4:192.0.2.1:0

# A port in use, also as the second of two addresses: nothing is served then.
start --listen 127.0.0.1:0
grep -qx 'listening on ipv4:127\.0\.0\.1:[1-9][0-9]*' "$tmp/log" || fail "$(cat "$tmp/log")"
expect_error 3 "$vitro" serve --listen "127.0.0.1:$port"
grep -q 'in use' "$tmp/err" || fail "why is not said: $(cat "$tmp/err")"
grep -q -- '--listen' "$tmp/err" || fail "what to do is not said: $(cat "$tmp/err")"
expect_error 3 "$vitro" serve --listen 127.0.0.1:0 --listen ":$port"
kill -TERM $pid
ended 0 $pid "SIGTERM of an idle server"

# Several addresses, a line each, in the order asked for; Ctrl-C.
start --listen 127.0.0.1:0 --listen "unix:$tmp/socket" --threads 3
wait_for 'unix:' "$tmp/log"
[ "$(sed -n 2p "$tmp/log")" = "listening on unix:$tmp/socket" ] || fail "$(cat "$tmp/log")"
kill -INT $pid
ended 0 $pid "Ctrl-C of an idle server"

# An open call ends in peace: the client has all of it, the server then stops by itself.
start --listen 127.0.0.1:0 --threads 2
"$vitro" call "127.0.0.1:$port" chat.ChatService/SendMessage \
    -d '{"userId":"사용자1","message":"안녕하세요!"}' >"$tmp/out" 2>"$tmp/client.err" || fail "SendMessage: $?"
"$vitro" call "127.0.0.1:$port" chat.ChatService/GetNotifications -d '{"userId":"사용자1"}' \
    >"$tmp/out" 2>"$tmp/client.err" &
talking=$!
wait_for 'notif_0' "$tmp/out"
kill -TERM $pid
ended 0 $talking "a call in a drain: $(cat "$tmp/client.err")"
[ "$(grep -c '사용자1님에게' "$tmp/out")" -eq 5 ] || fail "a drain cut a call: $(cat "$tmp/out")"
ended 0 $pid "SIGTERM with an open call"
grep -qx '사용자1: 안녕하세요!' "$tmp/log" || fail "the log lacks the message: $(cat "$tmp/log")"

# A second signal ends at once.
start --listen 127.0.0.1:0
$client "ipv4:127.0.0.1:$port" >"$tmp/out" 2>"$tmp/client.err" &
talking=$!
wait_for '^reply: ' "$tmp/out"
kill -TERM $pid
sleep 0.2
kill -0 $pid 2>/dev/null || fail "one signal did not wait for the open call"
kill -TERM $pid
ended 130 $pid "a second signal"
wait $talking

# Nobody reads the log: the server goes on.
mkfifo "$tmp/pipe"
"$vitro" serve --listen "unix:$tmp/quiet" >"$tmp/pipe" 2>"$tmp/err" &
pid=$!
servers="$servers $pid"
head -n 1 <"$tmp/pipe" >"$tmp/first"
grep -q "^listening on unix:" "$tmp/first" || fail "$(cat "$tmp/first" "$tmp/err")"
timeout 20 $client "unix:$tmp/quiet" >"$tmp/out" 2>"$tmp/client.err" &
talking=$!
wait_for '^reply: ' "$tmp/out"
kill -0 $pid 2>/dev/null || fail "a closed pipe ended the server"
wait_for '^notification: notif_0' "$tmp/out"
kill $talking
wait $talking 2>/dev/null
kill -TERM $pid
ended 0 $pid "SIGTERM after the client was killed"

# Who reads the log stops: no call waits for that, and what is lost is told when somebody reads on.
mkfifo "$tmp/held"
exec 4<>"$tmp/held"
"$vitro" serve --listen "unix:$tmp/held.socket" >"$tmp/held" 2>"$tmp/err" &
pid=$!
servers="$servers $pid"
read -r first <&4
[ "$first" = "listening on unix:$tmp/held.socket" ] || fail "$first"
awk 'BEGIN { text = sprintf("%4000s", ""); gsub(" ", "x", text)
    for (i = 0; i < 300; i++) printf "{\"userId\":\"u\",\"text\":\"%s\"}\n", text }' >"$tmp/much"
timeout 20 "$vitro" call "unix:$tmp/held.socket" chat.ChatService/Chat -d "@$tmp/much" \
    >"$tmp/out" 2>"$tmp/client.err" || fail "a call waits for the reader of the log: $?"
[ "$(grep -c xxxx "$tmp/out")" -eq 300 ] || fail "not 300 echoes: $(tail -n 1 "$tmp/client.err")"
cat <&4 >"$tmp/log" &
reader=$!
all_told() { # some are lost, at one place or at several; the others come
    awk '/^u: x+$/ { came++ }
        sub(/ lines were lost: nobody read on\)$/, "") { lost += substr($0, 2) }
        END { print lost + 0 " are lost, and " came + 0 " came"; exit !(lost && lost + came == 300) }' \
        "$tmp/log" >"$tmp/told"
}
until_true all_told || fail "of 300 lines $(cat "$tmp/told")"
kill -TERM $pid
ended 0 $pid "SIGTERM when somebody has read on"
exec 4>&-
kill $reader
wait $reader 2>/dev/null

# A silent client is asked whether it is there; an old connection is left, and at last cut.
start --listen 127.0.0.1:0 --keepalive 200ms --max-connection-age 1s --max-connection-age-grace 500ms
mkfifo "$tmp/silent"
exec 3<>"$tmp/silent"
timeout 20 "$vitro" call "127.0.0.1:$port" chat.ChatService/Chat -v -d - <&3 >"$tmp/out" 2>"$tmp/err"
got=$?
[ $got -eq 1 ] || fail "status $got, not 1: a call on an old connection"
grep -q '< PING stream 0' "$tmp/err" || fail "no PING: $(cat "$tmp/err")"
grep -q 'max_age' "$tmp/err" || fail "no GOAWAY: $(cat "$tmp/err")"
grep -q '^status: UNAVAILABLE' "$tmp/err" || fail "not cut: $(cat "$tmp/err")"
kill -TERM $pid
ended 0 $pid "SIGTERM after all that"

# The help names every option.
"$vitro" help serve >"$tmp/out" || fail "vitro help serve"
for word in --listen --threads --compress --keepalive --keepalive-timeout --keepalive-without-calls \
    --min-ping-interval --max-connection-age --max-connection-age-grace --max-connection-idle SIGTERM chat.ChatService sensor.SensorService; do
    grep -q -- "$word" "$tmp/out" || fail "help lacks $word"
done
servers=
exit $failed
