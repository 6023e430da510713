#!/bin/sh
# The lessons: each plays the same wherever it runs, on sockets too, and shows what it says it shows:
# the introduction's texts and times, and what of its claims is right.
set -u
cd "$(dirname "$0")/../../.." || exit 1
root=$PWD
vitro=$root/build/bin/vitro
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

fail() {
    echo "lessons: $*"
    failed=1
}

# Every lesson: the same bytes in another folder, time zone and environment, in both languages.
for dir in build/lessons/[0-9]*; do
    name=$(basename "$dir")
    for lang in en ko; do
        "$vitro" learn "$name" --plain --lang $lang >"$tmp/$name.$lang" 2>"$tmp/err" </dev/null ||
            fail "$name $lang: status $?: $(cat "$tmp/err")"
        (cd / && env -i TZ=Asia/Seoul COLUMNS=40 "$vitro" learn "$name" --plain --lang $lang) \
            >"$tmp/again" 2>/dev/null </dev/null || fail "$name $lang from /: status $?"
        cmp -s "$tmp/$name.$lang" "$tmp/again" || fail "$name $lang: other bytes from /"
        grep -qE 'no such event in this run|이번 실행에는 그런 사건이 없습니다' "$tmp/again" &&
            fail "$name $lang: a block is empty"
    done
    "$vitro" learn "$name" --plain --seed 7 >/dev/null 2>&1 </dev/null || fail "$name --seed: status $?"
done

# On sockets, all at once: those with seconds in them take them.
for dir in build/lessons/[0-9]*; do
    name=$(basename "$dir")
    (
        "$vitro" learn "$name" --plain --real >"$tmp/$name.real" 2>&1 </dev/null
        echo $? >"$tmp/$name.status"
    ) &
done
wait
for dir in build/lessons/[0-9]*; do
    name=$(basename "$dir")
    [ "$(cat "$tmp/$name.status")" = 0 ] || fail "$name --real: $(tail -1 "$tmp/$name.real")"
    grep -q 'no such event in this run' "$tmp/$name.real" && fail "$name --real: a block is empty"
done

# The first lines of the events of a lesson, and what its program says when it runs alone.
events() { # NUMBER
    grep -h '^#[0-9]' "$tmp/$1"-*.en
}
says() { # NUMBER
    build/lessons/"$1"-*/main
}

# 01: the introduction's 82 and 33 are neither. (D1)
says 01 >"$tmp/out"
for line in 'JSON: without blanks 71 bytes' 'JSON: on one line 78 bytes' \
    'JSON: a line for each field 88 bytes' 'protobuf: 32 bytes, and 33 with its length in front'; do
    grep -qx "$line" "$tmp/out" || fail "01 does not count: $line"
done
events 01 | grep -q '> \|< ' && fail "01 has a network"
[ "$(grep -c 'unknown: ' "$tmp"/01-*.en)" -eq 3 ] || fail "01 does not show three damages"

# 10: no token opens what only a helper guards, for two of four; nothing of what the interceptor
# guards. A token is spelt out each time; a cache outlives it. (S19, D14, D19, D32)
VITRO_TRACE=file:$tmp/10.pcapng build/lessons/10-*/main >"$tmp/out"
handled() { # FROM TO: whose handlers were run between two of the lesson's sentences
    sed -n "/^lesson: $1/,/^lesson: $2/s/^server: handles .chat.ChatService.//p" "$tmp/out" | tr '\n' ' '
}
[ "$(handled 'the helper' 'the interceptor')" = 'GetNotifications Chat ' ] ||
    fail "10: the helper guards other handlers than two"
[ -z "$(handled 'the interceptor' 'the right token')" ] || fail "10: a handler is run without the token"
[ "$(handled 'the right token' 'the token expires')" = 'SendMessage GetNotifications UploadFiles Chat ' ] ||
    fail "10: the right token does not open"
[ "$(sed -n '/^lesson: the token expires/,/^lesson: too/s/^client: SendMessage: \([A-Z]*\).*/\1/p' \
    "$tmp/out" | tr '\n' ' ')" = 'UNAUTHENTICATED UNAUTHENTICATED OK ' ] || fail "10: the cache expires"
[ "$(grep -c '인증 실패$' "$tmp/out")" -eq 12 ] || fail "10: not twelve calls that the server refuses"
[ "$(grep -c '^refused: ' "$tmp/out")" -eq 3 ] || fail "10: not three entries that are no metadata"
"$vitro" inspect "$tmp/10.pcapng" --plain >"$tmp/events"
[ "$(grep -c ' authorization: .*(Literal Header Field never Indexed' "$tmp/events")" -eq 13 ] &&
    [ "$(grep -c ' authorization: .*(' "$tmp/events")" -eq 13 ] || fail "10: a token is in the table"
[ "$(sed -n 's/^count: .*: //p' "$tmp/out" | tr '\n' ' ')" = '2 0 0 4 ' ] || fail "10: other handlers are run"
sed -n '/^lesson: two values/,/^lesson: the helper/p' "$tmp/out" | grep '^metadata' | tr '\n' '|' >"$tmp/seen"
[ "$(cat "$tmp/seen")" = 'metadata: x-tenant: blue,green|metadata: x-place-bin: ec 84 9c ec 9a b8|metadata: x-place-bin: ec 9d b8 ec b2 9c|' ] ||
    fail "10: what was joined is: $(cat "$tmp/seen")"
[ "$(grep -c ' authorization: .*, Huffman)' "$tmp/events")" -eq 12 ] &&
    [ "$(grep -c ' authorization: another-token .*, index 23)' "$tmp/events")" -eq 1 ] ||
    fail "10: not one token is sent in letters"
[ "$(grep -c '^client: .*the header list is over the limit of 8192 bytes$' "$tmp/out")" -eq 1 ] &&
    [ -z "$(handled 'too much' 'in letters')" ] || fail "10: metadata that is too long is taken"
grep -q 'grpc-message: %EC%9D%B8%EC%A6%9D %EC%8B%A4%ED%8C%A8 ' "$tmp/events" ||
    fail "10: the message does not cross the wire as percent signs"

# 12: the texts, one a second from 1 to 5, the end at 6; headers with the first message. (S15, D15)
grep '^notification' tests/interop/expected.txt | grep -v 'headers with' >"$tmp/want"
says 12 | grep '^notification' >"$tmp/out"
cmp -s "$tmp/want" "$tmp/out" || fail "12 says other things than the introduction"
VITRO_TRACE=file:$tmp/12.pcapng build/lessons/12-*/main >"$tmp/out"
"$vitro" inspect "$tmp/12.pcapng" --plain | grep '^#' >"$tmp/events"
grep -E '< (HEADERS|DATA) stream 1 ' "$tmp/events" | awk '{ print int($2), $4 }' | tr '\n' ' ' >"$tmp/seen"
[ "$(cat "$tmp/seen")" = '1 HEADERS 1 DATA 2 DATA 3 DATA 4 DATA 5 DATA 6 HEADERS ' ] ||
    fail "12: $(cat "$tmp/seen")"
grep -q PUSH_PROMISE "$tmp/events" && fail "12 pushes"
# One timer stops when its call is cancelled, the other does not. (D16)
sed -n '/RST_STREAM/,$p' "$tmp/events" >"$tmp/after"
[ "$(grep -c 'RST_STREAM' "$tmp/after")" -eq 2 ] || fail "12 does not cancel both feeds"
[ "$(grep -c 'timer of sensor001 stops' "$tmp/after")" -eq 1 ] || fail "12: sensor001 goes on"
[ "$(grep -c 'timer of sensor002 goes on' "$tmp/after")" -eq 3 ] || fail "12: sensor002 stops"
grep -q 'sensor001 goes on' "$tmp/after" && fail "12: sensor001 goes on"
grep -q '< DATA' "$tmp/after" && fail "12: a message after the cancellation"

# 13: three files, then 8 MiB; a mebibyte takes 65 frames at least; 5 MiB are refused. (D7, D20)
says 13 >"$tmp/out"
for line in 'upload: fileCount=3 totalSize=22' 'summary: 3개 파일, 총 22바이트 업로드 완료' \
    'upload: fileCount=8 totalSize=8388608'; do
    grep -qx "$line" "$tmp/out" || fail "13 does not say: $line"
done
[ "$(grep -c 'queued, and the server is behind' "$tmp/out")" -eq 9 ] || fail "13: no back-pressure"
grep -q '^closed: RESOURCE_EXHAUSTED, ' "$tmp/out" || fail "13: 5 MiB are taken"
VITRO_TRACE=file:$tmp/13.pcapng build/lessons/13-*/main >/dev/null
"$vitro" inspect "$tmp/13.pcapng" --plain | grep '^#' >"$tmp/events"
grep 'gRPC message stream 3 .* length 1048[0-9]* in' "$tmp/events" |
    sed 's/.* in \([0-9]*\) frames/\1/' | awk '$1 >= 65 { n++ } END { exit n != 8 }' ||
    fail "13: not eight messages of 65 frames at least"
grep -q '< WINDOW_UPDATE stream 3' "$tmp/events" || fail "13: no room is made"
sent=$(grep -cE '> DATA stream 5 ' "$tmp/events")
[ "$sent" -le 4 ] || fail "13: $sent frames of what is too large"
[ "$(cat "$tmp"/13-*.en | wc -l)" -lt 1500 ] || fail "13 floods its reader"

# What the introduction writes into fields that are not there does not compile. (D5, D7)
compiles() { # TYPE MEMBER
    printf '#include "chat.vitro.h"\nint main(void) { return sizeof ((%s *)0)->%s == 0; }\n' "$1" "$2" |
        ${CC:-cc} -fsyntax-only -Ilib/include -Ibuild/gen -x c - 2>"$tmp/err"
}
compiles Chat__FileData filename && compiles Chat__UploadResponse totalsize ||
    fail "13: what is there does not compile: $(cat "$tmp/err")"
compiles Chat__FileData filedata && fail "13: fileData compiles"
compiles Chat__UploadResponse summary && fail "13: summary compiles"

# 14: the echoes, and what ends when. (S16, D28)
grep -E '^(서버|chat): ' tests/interop/expected.txt >"$tmp/want"
says 14 | grep -E '^(서버|chat): ' | head -3 >"$tmp/out"
cmp -s "$tmp/want" "$tmp/out" || fail "14 says other things than the introduction"
VITRO_TRACE=file:$tmp/14.pcapng build/lessons/14-*/main >/dev/null
"$vitro" inspect "$tmp/14.pcapng" --plain | grep '^#' >"$tmp/events"
grep -q ' 3\.00[0-9]* > DATA stream 1 flags END_STREAM length 0$' "$tmp/events" ||
    fail "14: no half-close after three seconds"
grep -q '< HEADERS stream 1 .*END_STREAM' "$tmp/events" || fail "14: the server does not end"
grep -q '< .* stream 3 .*END_STREAM' "$tmp/events" && fail "14: the server that forgets ends"
sed -n '/> DATA stream 9 .*END_STREAM/,$p' "$tmp/events" | grep -q '< DATA stream 9 ' ||
    fail "14: nobody speaks after a half-close"

# 17: sealed, and eight that come to nothing: one status, and a text for each. On sockets, too, the
# server is asked for by its name. (S18)
VITRO_TRACE=file:$tmp/17.pcapng build/lessons/17-*/main >"$tmp/out"
[ "$(grep -c '^client: success' "$tmp/out")" -eq 1 ] || fail "17: not one call that is right"
[ "$(grep -c '^client: UNAVAILABLE: ' "$tmp/out")" -eq 8 ] || fail "17: not eight that fail"
for text in 'the channel wants "localhost"' 'certificate has expired' 'not yet valid' 'self-signed certificate' \
    'the peer speaks TLS, this side plain text' 'the peer does not speak TLS' \
    'the peer does not speak h2 (ALPN)' 'the peer did not choose the protocol h2 (ALPN)'; do
    [ "$(grep -c "^client: .*$text" "$tmp/out")" -eq 1 ] || fail "17: not one call says: $text"
    grep -q "^#.* client: .*$text" "$tmp"/17-*.real || fail "17 --real: no call says: $text"
done
grep -q 'ClientHello sni localhost alpn h2$' "$tmp"/17-*.real || fail "17 --real: no name is asked for"
"$vitro" inspect "$tmp/17.pcapng" --plain | grep '^#' >"$tmp/events"
grep -q 'ClientHello sni localhost alpn h2$' "$tmp/events" || fail "17: no h2 is offered"
for alert in '2 > TLS alert bad_certificate (fatal)' '1 > TLS alert certificate_expired (fatal)' \
    '1 > TLS alert unknown_ca (fatal)' '1 < TLS alert unexpected_message (fatal)' \
    '1 < TLS alert no_application_protocol (fatal)' '2 > TLS 1.3 alert close_notify (warning)'; do
    [ "$(grep -c "${alert#??}" "$tmp/events")" -eq "${alert%% *}" ] || fail "17: not $alert"
done
grep -q 'gone at the server: .*the peer speaks TLS, this side plain text' "$tmp/events" ||
    fail "17: a server in plain text does not see that the client speaks TLS"
# The five lengths that the lesson names are those of the records with the answers, wherever it runs.
for run in "$tmp"/17-*.en "$tmp"/17-*.real; do
    [ "$(sed -n '/^## Five answers/,/^## /p' "$run" |
        awk '/^#.* > TLS 1.3 data / { n = $7 + 22 } /^#.* > DATA stream 3 / { printf "%d ", n }')" = \
        '45 40 53 41 43 ' ] || fail "17: other lengths in $(basename "$run")"
done

# 18: the introduction's server refuses whoever comes, a client without a certificate with 116 when
# it believes that it is connected; the right root lets alice in, and bob but not his call; start()
# is not needed. (S18, D10, D13)
VITRO_TRACE=file:$tmp/18.pcapng build/lessons/18-*/main >"$tmp/out"
grep '^client: ' "$tmp/out" | sed 's/^client: //; s/[:,].*(/ /; s/[:,)].*//' | tr '\n' '|' >"$tmp/seen"
[ "$(cat "$tmp/seen")" = \
    'UNAVAILABLE 116|UNAVAILABLE 48|success|PERMISSION_DENIED|UNAVAILABLE 48|UNAVAILABLE 43|' ] ||
    fail "18: $(cat "$tmp/seen")"
grep -q 'Calling start() is no longer necessary' "$tmp"/18-*.en || fail "18: start() seems to be needed"
[ "$(grep -c '^server: a call by CN=\(alice\|bob\),' "$tmp/out")" -eq 2 ] || fail "18: who is it?"
[ "$(sed -n '/^## A certificate that signed itself/,/^## /s/.*x509.\(subject\|issuer\): CN=alice,.*/\1/p' \
    "$tmp"/18-*.en | tr '\n' ' ')" = 'subject issuer ' ] || fail "18: alice has not signed herself"
sed -n '/^## The right authority, the wrong use/,$p' "$tmp"/18-*.en | grep -q 'x509.usage: serverAuth$' ||
    fail "18: what a certificate is for is not seen"
"$vitro" inspect "$tmp/18.pcapng" --plain | grep '^#' >"$tmp/events"
sed -n '/ connection 0 is open at the client/,/ alert certificate_required (fatal)$/p' "$tmp/events" |
    grep -q '> preface$' || fail "18: the client does not believe that it is connected"
[ "$(grep -c '> TLS 1.3 Certificate ' "$tmp/events")" -eq 5 ] ||
    fail "18: not five clients with a certificate behind the one without"
[ "$(grep -c '> TLS 1.3 CertificateVerify ' "$tmp/events")" -eq 5 ] || fail "18: not five that sign"

# 19: what repeats shrinks, what is short goes as it is, each message by itself, and what is too large
# inside is refused. By hand: 30 bytes become 53, snappy is not known, and damaged gzip is none.
VITRO_TRACE=file:$tmp/19.pcapng build/lessons/19-*/main >"$tmp/out"
grep -q '^client: RESOURCE_EXHAUSTED: ' "$tmp/out" || fail "19: 5 MiB are taken"
"$vitro" inspect "$tmp/19.pcapng" --plain >"$tmp/events"
# Connection, direction and stream of each message, and its length: z when zlib has made it.
awk '$4 == "gRPC" {
         conn = $(NF - 1) == "conn" ? $NF : 0
         printf "%s%s%s:%s ", conn, $3, $7, !/ compressed 1/ ? $10 : conn ? $10 "!" : "z"
     }' "$tmp/events" >"$tmp/seen"
[ "$(cat "$tmp/seen")" = '0>1:z 0<1:9 0>3:30 0<3:9 0>5:30 0<5:9 0>7:z 0>7:18 0>7:82 0<7:z 0<7:18 0<7:z 0>9:z 1>1:53! 1<1:9 1>3:32! 1>5:40! ' ] ||
    fail "19: $(cat "$tmp/seen")"
sed -n '/^#.*< HEADERS stream 3 .* conn 1$/,/^#[0-9]* .* > /p' "$tmp/events" >"$tmp/refused"
grep -q ' grpc-status: 12 ' "$tmp/refused" && grep -q ' grpc-accept-encoding: identity,gzip,deflate ' "$tmp/refused" ||
    fail "19: snappy is not refused with a list of what is known"
sed -n '/^#.*< HEADERS stream 5 .* conn 1$/,/^#[0-9]* .* > /p' "$tmp/events" | grep -q ' grpc-status: 13 ' ||
    fail "19: a damaged gzip is not INTERNAL"
[ "$(cat "$tmp"/19-*.en | wc -c)" -lt 120000 ] || fail "19 floods its reader"
grep -q '"0123456789abcdef.*" and 5242[0-9]* bytes more$' "$tmp"/19-*.en || fail "19: a long text is not cut"

# What a learner is told to type does what the text says. The port is any free one.
by_hand() { # NUMBER: the commands of its text, run; what they say
    sed -n '/^## With your own hands/,/^## What/{/^```sh/,/^```$/{/^```/!p}}' lessons/"$1"-*/lesson.md >"$tmp/typed"
    (
        PATH=$root/build/bin:$PATH
        while IFS= read -r line; do
            case $line in
            *' &')
                ${line% &} --listen 127.0.0.1:0 >"$tmp/serving" &
                until port=$(sed -n 's/^listening on .*://p' "$tmp/serving") && [ "$port" ]; do
                    kill -0 $! || exit 1
                done
                ;;
            'kill %1') kill $! ;;
            *) eval "$(printf '%s\n' "$line" | sed "s/50051/${port:-50051}/")" </dev/null || : ;;
            esac
        done <"$tmp/typed"
        wait
    ) >"$tmp/hands" 2>&1
}
hands_say() { # NUMBER TEXT
    grep -qe "$2" "$tmp/hands" || fail "$1: by hand nothing says: $2"
}
by_hand 10
hands_say 10 'not sent over plain text'
hands_say 10 ' authorization: Bearer secret '
hands_say 10 ' x-place-bin: 7ISc7Jq4 '
by_hand 17
hands_say 17 'certificate has expired'
hands_say 17 'the peer speaks TLS, this side plain text'
hands_say 17 'alert number 120'
by_hand 18
[ "$(grep -o '(116)$\|^status: OK\|(48)$' "$tmp/hands" | tr '\n' ' ')" = '(116) status: OK (48) ' ] ||
    fail "18: by hand: $(cat "$tmp/hands")"
by_hand 19
[ "$(grep -c '> gRPC message' "$tmp/hands") $(grep -c '> gRPC message.* compressed 1$' "$tmp/hands")" = '2 1' ] ||
    fail "19: by hand: $(cat "$tmp/hands")"

exit $failed
