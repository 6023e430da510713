# common - what run.sh, tools.sh and official.sh share, which read this in: a folder that goes with
# them, servers on free ports, processes that are ended whatever they do, and verdicts.

tmp=$(mktemp -d) || exit 1
running= # by pid, what is to be ended
passed=0
failed=0

# End a process of ours: asked to, and killed when 10 s later it still runs. Its status.
end() { # PID [SIGNAL]
    running=$(echo " $running " | sed "s/ $1 / /")
    kill "-${2:-TERM}" "$1" 2>/dev/null
    n=0
    while [ $n -lt 500 ] && grep -q '^State:[^Z]*$' "/proc/$1/status" 2>/dev/null; do
        n=$((n + 1))
        sleep 0.02
    done
    [ $n -lt 500 ] || kill -KILL "$1"
    wait "$1"
}

end_all() {
    for pid in $running; do end "$pid" 2>/dev/null; done
}

trap 'end_all; rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

# Wait until a server has said where it listens, at the end of a line; its port.
port_of() { # PID LOG
    n=0
    until sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$2" | grep .; do
        n=$((n + 1))
        [ $n -lt 400 ] && kill -0 "$1" 2>/dev/null || return 1
        sleep 0.05
    done
}

# Start a server: pid_NAME and port_NAME are its.
start() { # NAME COMMAND...
    name=$1
    shift
    "$@" >"$tmp/$name.log" 2>"$tmp/$name.err" &
    running="$running $!"
    port=$(port_of $! "$tmp/$name.log") || {
        echo "$name does not listen: $(cat "$tmp/$name.err")"
        exit 1
    }
    eval "pid_$name=$! port_$name=$port"
}

verdict() { # NAME yes|no
    if [ "$2" = yes ]; then
        passed=$((passed + 1))
        echo "  $1: passed"
    else
        failed=$((failed + 1))
        echo "  $1: FAILED"
    fi
}
