# needs - what the preparation of the peers shares; their peer.sh read this in. What is not there is
# said in one line, with status 1.

needs() { # PROGRAM...
    for program; do
        command -v "$program" >/dev/null 2>&1 || {
            echo "$program is not installed"
            exit 1
        }
    done
}

# The packages of HERE/requirements.txt into DIR/site, unless they are there.
python_packages() { # HERE DIR
    needs python3
    cmp -s "$1/requirements.txt" "$2/requirements.txt" && return
    mkdir -p "$2"
    timeout 300 python3 -m pip install -q "--target=$2/site" -r "$1/requirements.txt" >"$2/log" 2>&1 || {
        echo "$(head -n 1 "$1/requirements.txt") cannot be had:" \
            "$(grep -m 1 ERROR "$2/log" || tail -n 1 "$2/log")"
        exit 1
    }
    cp "$1/requirements.txt" "$2"
}
