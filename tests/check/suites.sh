#!/bin/sh
# Run every Criterion suite below $1 (build/VARIANT) and leave the counts in $1/tests/passed and
# failed. A suite that runs no test, a crash, and any report of a sanitizer are failures: Criterion
# itself lets a leak pass.
set -u
dir=$1/tests
reports=$dir/reports
rm -rf "$reports" && mkdir -p "$reports"
export ASAN_OPTIONS="detect_leaks=1:log_path=$PWD/$reports/asan:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$PWD/$reports/ubsan"
passed=0
failed=0

for source in tests/unit/*.c; do # not what an older tree may have left in $dir
    name=$(basename "$source" .c)
    suite=$dir/unit/$name
    "$suite" --color=never -j2 ${FILTER:+--filter "$FILTER"} >"$reports/$name.out" 2>&1
    status=$?
    line=$(grep '^\[====\] Synthesis:' "$reports/$name.out" | tail -n 1)
    tested=$(printf '%s' "$line" | sed -n 's/.*Tested: \([0-9]*\).*/\1/p')
    ok=$(printf '%s' "$line" | sed -n 's/.*Passing: \([0-9]*\).*/\1/p')
    tested=${tested:-0} ok=${ok:-0}
    passed=$((passed + ok))
    if [ "$status" -ne 0 ] || [ "$tested" -ne "$ok" ] || { [ "$tested" -eq 0 ] && [ -z "${FILTER:-}" ]; }; then
        bad=$((tested - ok))
        failed=$((failed + (bad > 0 ? bad : 1)))
        printf '  %s: %s of %s\n' "$name" "$ok" "$tested"
        grep -v '^\[====\]' "$reports/$name.out" | head -n 60
    else
        printf '  %s: %s\n' "$name" "$ok"
    fi
done
for report in "$reports"/asan.* "$reports"/ubsan.*; do
    [ -s "$report" ] || continue
    failed=$((failed + 1))
    echo "  sanitizer report: $report"
    head -n 40 "$report"
done
echo "$passed" >"$dir/passed"
echo "$failed" >"$dir/failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
