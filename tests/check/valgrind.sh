#!/bin/sh
# The suites and programs below under valgrind's memcheck: no error, and nothing is lost for good.
# Each test is a process, which takes two seconds here: what is listed hands memory around.
# SUITES="NAME ...": those instead. One of them is run by `valgrind.sh one PROGRAM[:ARGUMENT]`.
set -u
cd "$(dirname "$0")/../.." || exit 1
suites='
base_mem base_queue io_sim io_watch rpc
call_life call_ending call_blocking call_limits call_delivery call_sockets
stub details health reflection tls_failures identity crypto_secrets
hpack pb_unpack wire_compress decode_late decode_schema trace_recorder
'
programs='
oom/oom:plain oom/oom:plain+ oom/oom:services oom/oom:blocking oom/oom:unary13 threads/loop
'
export OOM_STEP=2001 # the library's allocations fail all, of OpenSSL's a few
build=build/debug/tests
reports=build/valgrind

one() { # PROGRAM[:ARGUMENT]: what valgrind says goes to a file for each process
    name=$(basename "$1" | tr : -)
    began=$(date +%s)
    # shellcheck disable=SC2046  # words are wanted
    valgrind -q --trace-children=yes --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite --num-callers=20 --log-file="$reports/$name.%p.log" \
        $(echo "$build/$1" | tr : ' ') >"$reports/$name.out" 2>&1
    code=$?
    said=$(grep -l '^==' "$reports/$name".*.log) # not what begins with --: system calls it does not know
    if [ "$code" -eq 0 ] && [ -z "$said" ]; then
        echo "  $1: $(($(date +%s) - began)) s"
        return 0
    fi
    echo "  $1: FAILED (code $code)"
    grep -v '^\[====\]' "$reports/$name.out" | tail -n 20
    for file in $said; do grep '^==' "$file" | head -n 40; done
    return 1
}

if [ "${1-}" = one ]; then
    one "$2"
    exit
fi
rm -rf "$reports" && mkdir -p "$reports"
if [ -n "${SUITES-}" ]; then
    suites=$SUITES programs=
fi
for suite in $suites; do echo "unit/$suite"; done >"$reports/list"
for program in $programs; do echo "$program"; done >>"$reports/list"
xargs -P "$(nproc)" -n 1 sh "$0" one <"$reports/list" || exit 1
echo "valgrind: $(wc -l <"$reports/list") programs: no error, nothing lost"
