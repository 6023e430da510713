#!/bin/sh
# What peers say through `vitro call` and `vitro serve`: texts that would do something to a terminal
# come back in replies, in a status, on the wire of -v and in the server's log; nothing of it is raw.
set -u
cd "$(dirname "$0")/../../.." || exit 1
vitro=build/bin/vitro
tmp=$(mktemp -d) || exit 1
server=
trap '[ -n "$server" ] && kill $server 2>/dev/null; rm -rf "$tmp"' EXIT
failed=0

# C0 but newline, DEL, and of UTF-8: C1, marks of direction, what takes no room.
clean() { # FILE
    [ -s "$1" ] || {
        echo "hostile: nothing came: $1"
        failed=1
    }
    raw=$(LC_ALL=C tr -d '\n\040-\176\200-\377' <"$1" | wc -c)
    [ "$raw" -eq 0 ] || {
        echo "hostile: control characters: $1"
        LC_ALL=C cat -v "$1" | head -n 20
        failed=1
    }
    for bytes in '\302\233' '\302\235' '\302\205' '\342\200\256' '\342\201\246' '\342\200\213'; do
        # shellcheck disable=SC2059
        ! LC_ALL=C grep -qF "$(printf "$bytes")" "$1" || {
            echo "hostile: a character that does something ($bytes): $1"
            failed=1
        }
    done
}

: >"$tmp/log"
$vitro serve --listen 127.0.0.1:0 >"$tmp/log" 2>"$tmp/err" &
server=$!
n=0
until grep -q '^listening on ' "$tmp/log"; do
    n=$((n + 1))
    [ $n -lt 100 ] || exit 1
    sleep 0.1
done
port=$(sed -n '1s/.*://p' "$tmp/log")
bad='\u001b]0;pwned\u0007\u009b31m\u202eabc\u200b\u009d0;x\u009c\u2066\u0085\r\u007f'

call() { # STATUS METHOD JSON
    $vitro call ":$port" "$2" -d "$3" -v >"$tmp/out" 2>"$tmp/wire"
    got=$?
    [ $got -eq "$1" ] || {
        echo "hostile: $2: status $got"
        failed=1
    }
    clean "$tmp/wire"
    grep -q pwned "$tmp/wire" || {
        echo "hostile: $2: it did not cross the wire"
        failed=1
    }
}
call 0 chat.ChatService/Chat "{\"userId\":\"$bad\",\"text\":\"$bad\"}"
clean "$tmp/out"
call 0 chat.ChatService/SendMessage "{\"userId\":\"$bad\",\"message\":\"$bad\"}"
call 1 user.UserService/GetUser "{\"userId\":\"$bad\"}"
call 1 order.OrderService/PlaceOrder "{\"userId\":\"$bad\",\"item\":\"$bad\"}"
clean "$tmp/log"
grep -q 'pwned' "$tmp/log" || {
    echo "hostile: the log does not tell it"
    failed=1
}

# Names that the command line and the environment give.
esc=$(printf '\033]0;pwned\a\302\2331m\342\200\256')
$vitro serve --listen "unix:$tmp/$esc" >"$tmp/named" 2>&1 &
named=$!
n=0
until grep -q '^listening on ' "$tmp/named"; do
    n=$((n + 1))
    [ $n -lt 100 ] || break
    sleep 0.1
done
kill $named
wait $named
clean "$tmp/named"
VITRO_TRACE="file:$tmp/no/$esc" $vitro call ":$port" user.UserService/GetUser \
    -d '{"userId":"123"}' >/dev/null 2>"$tmp/trace"
clean "$tmp/trace"
$vitro watch "unix:$tmp/$esc" --plain >"$tmp/watch" 2>&1
clean "$tmp/watch"
$vitro inspect "$tmp/$esc" >"$tmp/inspect" 2>&1
clean "$tmp/inspect"
[ $failed -eq 0 ] && echo "hostile: passed"
exit $failed
