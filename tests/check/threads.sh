#!/bin/sh
# Run every program of $1 under the thread sanitizer: plain programs, for Criterion aborts there.
set -u
status=0
for program in "$1"/*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    printf '  %s\n' "$(basename "$program")"
    TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1" "$program" || {
        echo "threads: $program failed"
        status=1
    }
done
exit $status
