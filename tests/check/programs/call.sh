#!/bin/sh
# vitro call as a program, against vitro serve: all four kinds, requests as they come, the wire
# beside it, and each thing that can go wrong with its status and its one line.
set -u
cd "$(dirname "$0")/../../.." || exit 1
vitro=$PWD/build/bin/vitro
tmp=$(mktemp -d) || exit 1
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
failed=0

fail() {
    echo "call: $*"
    failed=1
}

# A second of patience for what happens in another process, and much more for a busy machine.
until_true() { # COMMAND...
    n=0
    until "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 200 ] || return 1
        sleep 0.05
    done
}

serve() { # ARGUMENT...
    : >"$tmp/serving"
    "$vitro" serve --listen 127.0.0.1:0 "$@" >"$tmp/serving" 2>&1 </dev/null &
    server=$!
    until_true grep -q '^listening on ' "$tmp/serving" || fail "vitro serve does not listen"
    at=$(sed -n 's/^listening on ipv4://p' "$tmp/serving")
}

call() { # STATUS ARGUMENT...
    want=$1
    shift
    "$vitro" call "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] || fail "status $got, not $want: $* ($(cat "$tmp/err"))"
}

out() { # TEXT
    [ "$(cat "$tmp/out")" = "$1" ] || fail "printed $(cat "$tmp/out"), not $1"
}

status() { # TEXT
    [ "$(tail -n 1 "$tmp/err")" = "status: $1" ] || fail "said $(cat "$tmp/err"), not status: $1"
}

# An error: one line on stderr as vitro says it, and nothing on stdout.
mistake() { # STATUS WORDS ARGUMENT...
    code=$1
    words=$2
    shift 2
    call "$code" "$@"
    [ "$(wc -l <"$tmp/err")" -eq 1 ] && [ ! -s "$tmp/out" ] || fail "not one line of error: $*"
    grep -q '^vitro: call: ' "$tmp/err" || fail "not as vitro says it: $(cat "$tmp/err")"
    grep -qF "$words" "$tmp/err" || fail "\"$(cat "$tmp/err")\" does not say \"$words\""
}

serve
chat=chat.ChatService

# The four kinds.
call 0 "$at" $chat/SendMessage -d '{"userId":"사용자1","message":"안녕하세요!"}'
grep -q '^{"success":true,"messageId":"msg_[0-9]*"}$' "$tmp/out" || fail "unary: $(cat "$tmp/out")"
[ "$(cat "$tmp/err")" = "status: OK (0)" ] || fail "unary: $(cat "$tmp/err")"
call 1 "$at" /$chat/GetNotifications -d '{"userId":"사용자1"}' --deadline 1500ms
out '{"id":"notif_0","title":"알림 1","content":"사용자1님에게 새로운 메시지가 있습니다."}'
status 'DEADLINE_EXCEEDED (4): the deadline has passed'
call 0 ":${at#*:}" $chat/UploadFiles \
    -d '{"data":"AAEC","filename":"a"} {"data":"-_8","filename":"b"}{"filename":"b"}'
grep -q '"totalSize":"5"' "$tmp/out" || fail "client streaming: $(cat "$tmp/out")"
call 0 "ipv4:$at" $chat/Chat -d '{"userId":"a","text":"1"}
    {"userId":"a","text":"둘"}'
out '{"userId":"서버","text":"에코: 1"}
{"userId":"서버","text":"에코: 둘"}'
status 'OK (0)'

# Without -d: one empty request, or none.
call 0 "$at" $chat/SendMessage
call 0 "$at" $chat/Chat
out ''

# Compressed by either side: the wire beside it says so, the replies are the same.
long=$(printf 'a%.0s' $(seq 300))
serving_all=$server at_all=$at
serve --compress gzip
for name in gzip deflate; do
    call 0 "$at" $chat/Chat -v --compress $name -d "{\"text\":\"$long\"}{\"text\":\"1\"}"
    out "{\"userId\":\"서버\",\"text\":\"에코: $long\"}
{\"userId\":\"서버\",\"text\":\"에코: 1\"}"
    flags=$(sed -n 's/^#[0-9]* [0-9.]* \([<>]\) gRPC message .*length [0-9]*/\1/p' "$tmp/err" | sort | tr '\n' ' ')
    [ "$flags" = '< < compressed 1 > > compressed 1 ' ] || fail "--compress $name: messages: $flags"
    grep -q "grpc-encoding: $name" "$tmp/err" || fail "--compress $name: no grpc-encoding"
done
kill "$server"
server=$serving_all at=$at_all

# Each service of vitro serve.
call 0 "$at" user.UserService/GetUser -d '{"userId":"123"}'
out '{"user":{"name":"John Doe","age":30,"email":"john@example.com","isActive":true}}'
call 1 "$at" user.UserService/GetUser -d '{"userId":"nobody"}'
status "NOT_FOUND (5): no user 'nobody'"
call 0 "$at" order.OrderService/PlaceOrder -d '{"userId":"사용자2","item":"책"}' --deadline 5s
grep -q '"user":{"name":"이두리","age":35,"email":"duri@example.com"}}$' "$tmp/out" ||
    fail "order: $(cat "$tmp/out")"
call 0 "$at" room.RoomService/JoinRoom -d '{"roomId":"r","userId":"a","text":"hi"}'
call 0 "$at" file.FileService/UploadFile -d '{"data":"AAEC"}{"data":""}'
grep -q '^{"fileId":"' "$tmp/out" || fail "file: $(cat "$tmp/out")"
call 1 "$at" sensor.SensorService/GetSensorData -d '{"deviceId":"d"}' --deadline 1500ms
[ "$(head -n 1 "$tmp/out")" = '{"temperature":21.5,"humidity":55}' ] ||
    fail "sensor: $(cat "$tmp/out")"

# From a file, and from a pipe as it comes: the second request is written after the first reply.
printf '{"userId":"f",\n"message":"1"}\n' >"$tmp/requests.json"
call 0 "$at" $chat/SendMessage -d "@$tmp/requests.json"
mkfifo "$tmp/pipe"
"$vitro" call "$at" $chat/Chat -d - <"$tmp/pipe" >"$tmp/out" 2>"$tmp/err" &
client=$!
exec 9>"$tmp/pipe"
printf '{"userId":"p","text":"one"' >&9
printf '}\n{"userId":' >&9
until_true grep -q 'one' "$tmp/out" || fail "a request waits for the end of stdin"
printf '"p","text":"two"}' >&9
until_true grep -q 'two' "$tmp/out" || fail "the second request waits for the end of stdin"
exec 9>&-
wait $client || fail "a stream from stdin ends with $?"

# Headers, as the wire shows them; what is printed stays apart from it.
call 0 "$at" $chat/SendMessage -d '{"userId":"v"}' -H 'X-Tenant:  blue ' -H 'x-key-bin: AP-_' -v
[ "$(wc -l <"$tmp/out")" -eq 1 ] || fail "-v: stdout has more than the response"
for words in '> preface' '> HEADERS stream 1' 'x-tenant: blue' 'x-key-bin: AP+/' \
    'protobuf chat.MessageRequest' 'userId = 1 (string): "v"' 'protobuf chat.MessageResponse' \
    'grpc-status: 0' 'status: OK (0)'; do
    grep -qF -- "$words" "$tmp/err" || fail "-v does not show $words"
done
VITRO_TRACE="file:$tmp/t.pcapng" call 0 "$at" $chat/SendMessage -d '{}'
"$vitro" inspect "$tmp/t.pcapng" >"$tmp/out" 2>&1 || fail "its trace cannot be read"
grep -q 'protobuf chat.MessageResponse' "$tmp/out" || fail "its trace lacks the schema"
VITRO_TRACE="file:$tmp/v.pcapng" call 0 "$at" $chat/SendMessage -v
[ -s "$tmp/v.pcapng" ] || fail "-v takes VITRO_TRACE away"

# What a terminal must not see.
call 0 "$at" $chat/Chat -d '{"text":"\u001b[31m\u202e\u0007"}' -v
grep -q '\\u001b\[31m\\u202e\\u0007' "$tmp/out" || fail "a response is not escaped"
cat "$tmp/out" "$tmp/err" | LC_ALL=C grep -q "$(printf '\033')" && fail "an escape went through"

# Types of one's own.
cat >"$tmp/mine.proto" <<'END'
syntax = "proto3";
package chat;
message Mine { string whole = 1; map<string, int64> more = 9; }
service ChatService { rpc SendMessage(Mine) returns (Mine); rpc Missing(Mine) returns (Mine); }
END
call 0 "$at" $chat/SendMessage --proto "$tmp/mine.proto" -d '{"whole":"x","more":{"a":"1"}}'
protoc -I"$tmp" -o "$tmp/mine.set" mine.proto
call 1 "$at" $chat/Missing --descriptor-set "$tmp/mine.set"
grep -q '^status: UNIMPLEMENTED (12)' "$tmp/err" || fail "unimplemented: $(cat "$tmp/err")"
cat >"$tmp/other.proto" <<'END'
syntax = "proto3";
package chat;
message Mine { string a = 1; }
message Nested { Nested nested = 2; }
service ChatService { rpc SendMessage(Mine) returns (Nested); }
END
call 1 "$at" $chat/SendMessage --proto other.proto -I "$tmp"
grep -q 'response 1, chat.Nested: ' "$tmp/err" || fail "a bad response: $(cat "$tmp/err")"

# JSON that is none, with its position; nothing was sent.
mistake 2 'line 1, column 11, at userId: a string is needed, not a number' \
    "$at" $chat/SendMessage -d '{"userId":1}'
mistake 2 'line 2, column 2, at who: chat.MessageRequest has no such field; it has userId, message' \
    "$at" $chat/SendMessage -d '{
 "who":1}'
mistake 2 'near end of file' "$at" $chat/SendMessage -d '{"userId":"x"'
mistake 2 "line 1, column 4: invalid token near 'nonsense'" "$at" $chat/Chat -d '{} nonsense'
mistake 2 'takes one request, and here is a second' "$at" $chat/SendMessage -d '{}{}'
mistake 2 'given twice' "$at" $chat/SendMessage -d '{}' -d '{}'
mistake 3 'No such file' "$at" $chat/SendMessage -d "@$tmp/nothing"
printf '{"userId":"s","text":"1"}\n{"text":}\n' >"$tmp/requests.json"
"$vitro" call "$at" $chat/Chat -d - <"$tmp/requests.json" >"$tmp/out" 2>"$tmp/err"
[ $? -eq 2 ] && grep -q "^vitro: call: standard input: line 2, column 9: " "$tmp/err" ||
    fail "a mistake in a stream: $(cat "$tmp/err")"

# Names that do not exist, and words that cannot be meant.
# A server of another program: no reflection, and an error with a message beside it.
cat >"$tmp/rich.c" <<'END'
#include <stdio.h>
#include <vitro.h>

#include "chat.vitro.h"

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse why = CHAT__MESSAGE_RESPONSE__INIT;
    const ProtobufCMessage *details[] = { &why.base };

    why.messageid = (char *)"a\033b";
    vitro_call_finish_details(call, VITRO_ABORTED, "no", details, 1, NULL, NULL);
}

int main(void)
{
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers,
                                                         .send_message = send_message };
    vitro_server *server;
    char at[64];

    if (vitro_server_new(&server, NULL, 0, NULL, NULL) ||
        chat_chat_service_register(server, &handlers, NULL, NULL) ||
        vitro_server_listen(server, "127.0.0.1:0", at, sizeof at, NULL))
        return 1;
    puts(at);
    fflush(stdout);
    return (int)vitro_server_run(server, 0, NULL);
}
END
${CC:-gcc} -Ilib/include -Ibuild/gen -pthread -o "$tmp/rich" "$tmp/rich.c" build/gen/chat.vitro.c \
    -Lbuild/lib -lvitro -lprotobuf-c || fail "the other program does not build"
LD_LIBRARY_PATH=build/lib "$tmp/rich" >"$tmp/rich.at" </dev/null &
rich=$!
until_true test -s "$tmp/rich.at" || fail "the other program does not listen"
call 1 "$(cat "$tmp/rich.at")" chat.ChatService/SendMessage
status 'ABORTED (10): no'
[ "$(head -n 1 "$tmp/err")" = 'detail: chat.MessageResponse {"messageId":"a\u001bb"}' ] ||
    fail "no detail: $(cat "$tmp/err")"
mistake 1 'the server has no reflection; --proto FILE' "$(cat "$tmp/rich.at")" list
kill "$rich"
wait "$rich"

# What a server has, by its reflection, and by files that are given.
call 0 "$at" list
out 'chat.ChatService
file.FileService
grpc.health.v1.Health
grpc.reflection.v1.ServerReflection
grpc.reflection.v1alpha.ServerReflection
order.OrderService
room.RoomService
sensor.SensorService
user.UserService'
call 0 "$at" list user.UserService
out user.UserService/GetUser
call 0 "$at" describe chat.ChatService/Chat
out 'rpc Chat(stream chat.ChatMessage) returns (stream chat.ChatMessage);'
call 0 "$at" describe user.GetUserRequest
out 'message user.GetUserRequest {
  string userId = 1;
}'
call 0 "$at" describe grpc.health.v1.HealthListResponse
out 'message grpc.health.v1.HealthListResponse {
  map<string, grpc.health.v1.HealthCheckResponse> statuses = 1;
}'
call 0 "$at" list --proto proto/chat.proto
out chat.ChatService
call 0 127.0.0.1:1 describe chat.UserRequest --proto proto/chat.proto # nobody is asked
out 'message chat.UserRequest {
  string userId = 1;
}'
mistake 1 'NOT_FOUND' "$at" describe no.Such
mistake 1 'no such service' "$at" list chat.UserRequest
mistake 2 'name a service' "$at" describe
mistake 3 'nothing listens there' 127.0.0.1:1 list
# A method of no schema that ships: the server tells its types.
call 0 "$at" grpc.health.v1.Health/Check -d '{"service":"user.UserService"}'
out '{"status":"SERVING"}'
status 'OK (0)'
call 1 "$at" grpc.health.v1.Health/Check -d '{"service":"no.Such"}'
status 'NOT_FOUND (5): unknown service'
mistake 2 'did you mean grpc.health.v1.Health/Check?' "$at" grpc.health.v1.Health/Chek

mistake 2 'did you mean chat.ChatService/SendMessage? chat.ChatService has SendMessage, ' \
    "$at" $chat/SendMesage
mistake 2 'did you mean chat.ChatService/Chat? the services are ' "$at" chat.ChatServices/Chat
mistake 2 'a method is SERVICE/METHOD' "$at" nothing
mistake 2 'METHOD: missing' "$at"
mistake 2 'no such option' "$at" $chat/Chat --nonsense
mistake 2 'one call at a time' "$at" $chat/Chat more
mistake 2 'a time is a number and' "$at" $chat/Chat --deadline 5
mistake 2 'a time is a number and' "$at" $chat/Chat --keepalive often
mistake 2 'snappy: --compress: gzip or deflate' "$at" $chat/Chat --compress snappy
mistake 2 "a header is 'name: value'" "$at" $chat/Chat -H nothing
mistake 2 'none of [0-9a-z_.-]' "$at" $chat/Chat -H 'a b: c'
mistake 2 'belongs to the protocol' "$at" $chat/Chat -H 'te: trailers'
mistake 2 'is base64' "$at" $chat/Chat -H 'x-bin: *'
mistake 2 'no port number' 'localhost:http' $chat/Chat
call 3 "$at" $chat/Chat --proto "$tmp/requests.json" # protoc's own words come first
grep -q '^vitro: call: --proto: .*protoc' "$tmp/err" || fail "a bad .proto: $(cat "$tmp/err")"

# No connection.
mistake 3 'Connection refused (111); nothing listens there' "127.0.0.1:1" $chat/SendMessage
mistake 3 'check the name' 'no-such-host.invalid:1' $chat/SendMessage
mistake 3 'No such file' "unix:$tmp/nothing" $chat/SendMessage

# A call that waits for its server, which begins later; and one whose server never does.
port=${at#*:}
kill "$server"
wait "$server" 2>/dev/null
"$vitro" call "$at" $chat/SendMessage --wait-for-ready -v >"$tmp/out" 2>"$tmp/err" &
client=$!
until_true grep -q '^channel: TRANSIENT_FAILURE' "$tmp/err" || fail "-v tells no TRANSIENT_FAILURE"
grep -q 'TRANSIENT_FAILURE and tries to connect again in' "$tmp/err" || fail "-v tells no back-off"
"$vitro" serve --listen "127.0.0.1:$port" >"$tmp/serving" 2>&1 </dev/null &
server=$!
wait $client || fail "--wait-for-ready: status $? ($(cat "$tmp/err"))"
grep -q '"success":true' "$tmp/out" || fail "--wait-for-ready: no reply"
[ "$(sed -n 's/^channel: //p' "$tmp/err" | tr '\n' ' ')" = \
    'CONNECTING TRANSIENT_FAILURE READY SHUTDOWN ' ] || fail "-v: $(grep ^channel: "$tmp/err")"
call 1 127.0.0.1:1 $chat/SendMessage --wait-for-ready --deadline 100ms
status 'DEADLINE_EXCEEDED (4): the deadline has passed without a connection: Connection refused'

# Who reads the responses is gone, or full.
"$vitro" call "$at" $chat/SendMessage >/dev/full 2>"$tmp/err"
[ $? -eq 3 ] && grep -q 'stdout: cannot be written' "$tmp/err" || fail "a full disk: $(cat "$tmp/err")"

# Ctrl-C cancels the call.
env --default-signal=INT "$vitro" call "$at" $chat/GetNotifications -d '{"userId":"c"}' -v \
    >"$tmp/out" 2>"$tmp/err" &
client=$!
until_true grep -q 'HEADERS stream 1' "$tmp/err" || fail "no call before Ctrl-C"
kill -INT $client
wait $client
[ $? -eq 130 ] || fail "Ctrl-C does not end with 130"
grep -q '> RST_STREAM stream 1' "$tmp/err" || fail "Ctrl-C does not cancel the call"

# The server dies in the middle of a call.
"$vitro" call "$at" $chat/GetNotifications -d '{"userId":"k"}' >"$tmp/out" 2>"$tmp/err" &
client=$!
until_true grep -q 'notif_0' "$tmp/out" || fail "no notification"
kill -9 "$server"
wait "$server" 2>/dev/null
server=
wait $client
[ $? -eq 1 ] || fail "a killed server is no negative answer"
grep -q '^status: UNAVAILABLE (14): .' "$tmp/err" || fail "a killed server: $(cat "$tmp/err")"

# Help.
"$vitro" help call >"$tmp/out" 2>&1 || fail "vitro help call"
"$vitro" call -h | cmp -s - "$tmp/out" || fail "call -h is other than help call"
for word in TARGET METHOD -d -H --deadline --wait-for-ready --keepalive --compress -v --proto -I --descriptor-set Status: Examples:; do
    grep -q -- "$word" "$tmp/out" || fail "help lacks $word"
done
exit $failed
