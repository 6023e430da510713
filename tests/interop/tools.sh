#!/bin/sh
# The tools that people have for gRPC, against `vitro serve`: grpcurl (its reflection, all kinds of
# call), grpc-health-probe and ghz (CALLS calls, 100000 when not told, none of them lost), in plain
# text, under TLS and with certificates on both sides.
set -u
cd "$(dirname "$0")/../.." || exit 1
vitro=build/bin/vitro
tls=tests/fixtures/tls
dir=$PWD/build/interop/tools
bin=$dir/bin
calls=${CALLS:-100000}
tools='github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3
github.com/grpc-ecosystem/grpc-health-probe@v0.4.62
github.com/bojand/ghz/cmd/ghz@v0.120.0'

# ---- what it needs -----------------------------------------------------------------------------
prepare() {
    command -v go >/dev/null 2>&1 || {
        echo "go is not installed"
        return 1
    }
    [ "$(cat "$dir/.complete" 2>/dev/null)" != "$tools" ] || return 0
    mkdir -p "$dir"
    for tool in $tools; do
        GOPATH=$dir/path GOCACHE=$dir/cache GOBIN=$bin GOFLAGS=-modcacherw timeout 600 \
            go install "$tool" >"$dir/go.log" 2>&1 || {
            echo "go cannot install $tool: $(tail -n 1 "$dir/go.log")"
            return 1
        }
    done
    echo "$tools" >"$dir/.complete"
}

why=$(prepare) || {
    echo "tools: not run: $why"
    exit 0
}
. tests/interop/common.sh

serve() { # NAME [FLAG...]
    name=$1
    shift
    start "$name" $vitro serve --listen 127.0.0.1:0 "$@"
    eval "$name=127.0.0.1:$port"
}

# ---- what is said about it ---------------------------------------------------------------------
judge() { # NAME yes|no
    verdict "$1" "$2"
    [ "$2" = yes ] || cat "$tmp/out"
}

# All words are in what the command prints, and it ends well.
expect() { # NAME WORDS COMMAND...
    name=$1
    words=$2
    shift 2
    ok=yes
    timeout 30 "$@" >"$tmp/out" 2>&1 || ok=no
    for word in $words; do
        grep -qF -e "$word" "$tmp/out" || ok=no
    done
    judge "$name" $ok
}

refuse() { # NAME COMMAND...
    name=$1
    shift
    timeout 30 "$@" >"$tmp/out" 2>&1 && judge "$name" no || judge "$name" yes
}

# ---- grpcurl -----------------------------------------------------------------------------------
look_round() { # NAME ADDRESS FLAG...
    wire=$1
    to=$2
    shift 2
    expect "grpcurl list, $wire" 'chat.ChatService order.OrderService grpc.health.v1.Health' \
        "$bin/grpcurl" "$@" "$to" list
    expect "grpcurl list of a service, $wire" 'chat.ChatService.SendMessage chat.ChatService.Chat' \
        "$bin/grpcurl" "$@" "$to" list chat.ChatService
    expect "grpcurl describe, $wire" 'rpc Chat ( stream .chat.ChatMessage )' \
        "$bin/grpcurl" "$@" "$to" describe chat.ChatService.Chat
    expect "grpcurl unary, $wire" '"success": true' \
        "$bin/grpcurl" -d '{"userId":"me","message":"hello"}' "$@" "$to" chat.ChatService/SendMessage
    expect "grpcurl server streaming, $wire" 'notif_0 notif_4' \
        "$bin/grpcurl" -d '{"userId":"me"}' "$@" "$to" chat.ChatService/GetNotifications
    expect "grpcurl client streaming, $wire" '"fileCount": 2' \
        "$bin/grpcurl" -d '{"data":"AAEC"}{"data":"Aw=="}' "$@" "$to" chat.ChatService/UploadFiles
    expect "grpcurl bidirectional, $wire" 'one two' \
        "$bin/grpcurl" -d '{"userId":"me","text":"one"}{"userId":"me","text":"two"}' "$@" "$to" \
        chat.ChatService/Chat
    expect "grpcurl health, $wire" SERVING \
        "$bin/grpcurl" -d '{"service":"chat.ChatService"}' "$@" "$to" grpc.health.v1.Health/Check
}

serve plain
serve secure --tls-cert $tls/server.pem --tls-key $tls/server.key
serve mutual --tls-cert $tls/server.pem --tls-key $tls/server.key --client-ca $tls/ca.pem
trust="-cacert $tls/ca.pem -authority vitro.test"
own="-cert $tls/client.pem -key $tls/client.key"
# shellcheck disable=SC2154,SC2086  # serve sets them; words are wanted
{
    look_round plain "$plain" -plaintext
    look_round TLS "$secure" $trust
    look_round 'certificates on both sides' "$mutual" $trust $own
    refuse 'grpcurl without a certificate' "$bin/grpcurl" -connect-timeout 2 $trust "$mutual" list
    refuse "grpcurl with a stranger's certificate" "$bin/grpcurl" -connect-timeout 2 $trust \
        -cert $tls/client-other.pem -key $tls/client-other.key "$mutual" list
    refuse 'grpcurl with another name' "$bin/grpcurl" -connect-timeout 2 -cacert $tls/ca.pem \
        -authority elsewhere.test "$secure" list

    # ---- grpc-health-probe ---------------------------------------------------------------------
    expect 'health probe, plain' SERVING "$bin/grpc-health-probe" -addr "$plain"
    expect 'health probe of a service, plain' SERVING "$bin/grpc-health-probe" -addr "$plain" \
        -service chat.ChatService
    refuse 'health probe of no service' "$bin/grpc-health-probe" -addr "$plain" -service none
    expect 'health probe, certificates on both sides' SERVING "$bin/grpc-health-probe" \
        -addr "$mutual" -tls -tls-ca-cert $tls/ca.pem -tls-server-name vitro.test \
        -tls-client-cert $tls/client.pem -tls-client-key $tls/client.key
}

# ---- ghz ---------------------------------------------------------------------------------------
# What the server has cost by now: CPU in ms, memory in KiB.
cost() { # PID
    ticks=$(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 12,13 | tr ' ' '+')
    echo "$((($ticks) * 1000 / $(getconf CLK_TCK))) ms of CPU," \
        "$(sed -n 's/^VmRSS:[^0-9]*//p' "/proc/$1/status")"
}

# Every call has its OK, and its line in the server's log.
load() { # NAME PID ADDRESS FLAG...
    wire=$1
    pid=$2
    to=$3
    shift 3
    before=$(cost "$pid")
    lines=$(grep -c '^load: all$' "$tmp/$wire.log")
    timeout 300 "$bin/ghz" "$@" --call chat.ChatService.SendMessage -c 50 --connections 5 \
        -d '{"userId":"load","message":"all"}' -n "$calls" "$to" >"$tmp/out" 2>&1
    came=$(($(grep -c '^load: all$' "$tmp/$wire.log") - lines))
    grep -q "\[OK\] *$calls responses" "$tmp/out" && [ "$came" -eq "$calls" ] &&
        judge "ghz, $calls calls, $wire" yes || judge "ghz, $calls calls, $wire ($came came)" no
    sed -n 's/^ *\(Requests\/sec:\)[^0-9]*/    \1 /p' "$tmp/out"
    echo "    the server: $before before; $(cost "$pid") after"
}

# shellcheck disable=SC2154
{
    load plain "$pid_plain" "$plain" --insecure
    load secure "$pid_secure" "$secure" --cacert $tls/ca.pem --cname vitro.test
}
for pid in $running; do
    end "$pid" || failed=$((failed + 1))
done
echo "tools: $passed passed, $failed failed"
[ $failed -eq 0 ]
