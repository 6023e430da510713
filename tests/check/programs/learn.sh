#!/bin/sh
# vitro learn as a program: the same bytes wherever it runs, its traces, its refusals, make run.
set -u
cd "$(dirname "$0")/../../.." || exit 1
root=$PWD
vitro=$root/build/bin/vitro
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0
export XDG_STATE_HOME="$tmp/state"

fail() {
    echo "learn: $*"
    failed=1
}

expect() { # STATUS COMMAND...
    want=$1
    shift
    "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] || fail "status $got, not $want: $*"
}

# One line on stderr, and nothing on stdout: that is an error.
expect_error() { # STATUS COMMAND...
    expect "$@"
    [ "$(wc -l <"$tmp/err")" -eq 1 ] && [ ! -s "$tmp/out" ] || fail "not one line of error: $*"
    grep -q '^vitro: ' "$tmp/err" || fail "not as vitro says it: $(cat "$tmp/err")"
}

# The same bytes: other folders, no environment, another time zone, width and trace.
expect 0 "$vitro" learn 08 --plain
cp "$tmp/out" "$tmp/first"
[ "$(wc -l <"$tmp/first")" -gt 300 ] || fail "little was printed"
same() {
    cmp -s "$tmp/out" "$tmp/first" || fail "other bytes: $*"
}
(cd / && expect 0 env -i "$vitro" learn 08 --plain && exit "$failed") || failed=1
same "env -i, from /"
(cd "$tmp" && expect 0 env TZ=Asia/Seoul COLUMNS=40 LINES=10 "$vitro" learn unary && exit "$failed") || failed=1
same "TZ, COLUMNS"
expect 0 env "VITRO_TRACE=file:$tmp/a.pcapng" "$vitro" learn 8 --plain
same "VITRO_TRACE"
expect 0 env "VITRO_TRACE=file:$tmp/b.pcapng,file:$tmp/c.pcapng" "$vitro" learn 08-unary --plain --lang en
same "two traces"
cmp -s "$tmp/a.pcapng" "$tmp/b.pcapng" && cmp -s "$tmp/b.pcapng" "$tmp/c.pcapng" ||
    fail "the traces of two runs differ"

# Languages, by option and by environment.
expect 0 "$vitro" learn 08 --lang ko
cp "$tmp/out" "$tmp/korean"
cmp -s "$tmp/korean" "$tmp/first" && fail "Korean is English"
for name in LC_ALL LC_MESSAGES LANG; do
    expect 0 env -i "$name=ko_KR.UTF-8" "$vitro" learn 08
    cmp -s "$tmp/out" "$tmp/korean" || fail "$name is not read"
done

# Each frame that the trace holds, with its bytes, is in the lesson.
expect 0 "$vitro" inspect "$tmp/a.pcapng" --plain
lines='/^#[0-9]/p; /^    [0-9a-f]\{4\}  [0-9a-f][0-9a-f] /p'
sed -n "$lines" "$tmp/out" | sort >"$tmp/all"
sed -n "$lines" "$tmp/first" | sort >"$tmp/shown"
[ "$(wc -l <"$tmp/all")" -gt 50 ] || fail "inspect printed little"
cmp -s "$tmp/all" "$tmp/shown" || fail "the lesson does not show what the trace holds"

# On sockets; alone; as a list.
expect 0 "$vitro" learn 08 --plain --real
grep -q 'ipv4:127\.0\.0\.1:' "$tmp/out" || fail "--real did not use loopback"
grep -q 'no such event' "$tmp/out" && fail "--real lacks an event"
expect 0 build/lessons/08-unary/main
[ "$(cat "$tmp/out")" = "server: 사용자1: 안녕하세요!
client: success true, messageId msg_1758326400003" ] || fail "alone it says: $(cat "$tmp/out")"
expect 0 "$vitro" learn --list
[ "$(wc -l <"$tmp/out")" -eq 26 ] || fail "the list has not 26 lessons"
grep -q '^08-unary  *20 min  Unary' "$tmp/out" || fail "the list lacks 08-unary"
grep -q '^24-measure  *unwritten 25 min' "$tmp/out" || fail "the list promises what is not written"
expect 0 "$vitro" learn
grep -q '^08-unary ' "$tmp/out" || fail "no lesson is not the list"
expect 0 "$vitro" learn 08 --seed 7

# Mistakes, said in one line.
expect_error 2 "$vitro" learn 99
grep -q 08-unary "$tmp/err" || fail "what lessons there are is not said"
expect_error 2 "$vitro" learn 24
grep -q 'not written yet' "$tmp/err" || fail "a lesson that is not written yet is not told apart"
expect_error 2 "$vitro" learn 08 extra
expect_error 2 "$vitro" learn 08 --seed x
expect_error 2 "$vitro" learn 08 --lang fr
expect_error 2 "$vitro" learn 08 --nonsense
expect 3 env VITRO_TRACE=file:/nonexistent/x "$vitro" learn 08
grep -q VITRO_TRACE "$tmp/err" || fail "a sink that cannot be opened is not named"
expect 3 sh -c "'$vitro' learn 08 >/dev/full"

# A program that fails is told, and what it did is shown.
cp -r build/bin build/lessons "$tmp/"
printf '#!/bin/sh\nexit 9\n' >"$tmp/lessons/08-unary/main"
expect 3 "$tmp/bin/vitro" learn 08
grep -q 'status 9' "$tmp/err" || fail "its status is not told: $(cat "$tmp/err")"
printf '#!/bin/sh\nkill -9 $$\n' >"$tmp/lessons/08-unary/main"
expect 3 "$tmp/bin/vitro" learn 08
grep -q 'signal' "$tmp/err" || fail "its signal is not told: $(cat "$tmp/err")"
rm -r "$tmp/lessons"
expect_error 3 "$tmp/bin/vitro" learn 08

# Ctrl-C: 130, and the program is ended too.
cp -r build/lessons "$tmp/"
printf '#!/bin/sh\necho $$ >%s/pid\nexec sleep 60\n' "$tmp" >"$tmp/lessons/08-unary/main"
env --default-signal=INT "$tmp/bin/vitro" learn 08 >"$tmp/out" 2>&1 &
n=0
while [ ! -s "$tmp/pid" ] && [ $n -lt 100 ]; do
    sleep 0.1
    n=$((n + 1))
done
kill -INT $!
wait $!
[ $? -eq 130 ] || fail "Ctrl-C does not end with 130"
n=0
while kill -0 "$(cat "$tmp/pid")" 2>/dev/null && [ $n -lt 50 ]; do
    sleep 0.1
    n=$((n + 1))
done
kill -0 "$(cat "$tmp/pid")" 2>/dev/null && fail "Ctrl-C leaves the program behind"

expect 0 make run
grep -q '^# Unary' "$tmp/out" || fail "make run does not show the lesson"
exit $failed
