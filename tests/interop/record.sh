# record - RESULTS.md from the results of official.sh, which reads this file in.

# "passed" when it is so on both wires, else "plain's / TLS's".
cell() { # CLIENT:SERVER CASE
    for wire in plain TLS; do
        sed -n "s/^$1 $wire $2 \([a-z ]*\).*/\1/p" "$tmp/results"
    done | uniq | paste -sd/ | sed 's,/, / ,'
}

table() { # TITLE CASES PAIR...
    title=$1
    rows=$2
    shift 2
    printf '\n| %s |' "$title"
    for pair in "$@"; do printf ' %s |' "$(echo "$pair" | sed 's/:/ to /')"; done
    printf '\n|---|'
    for pair in "$@"; do printf -- '---|'; done
    echo
    for case in $rows; do
        printf '| %s |' "$case"
        for pair in "$@"; do printf ' %s |' "$(cell "$pair" "$case")"; done
        echo
    done
}

# What is not passed, in the order of the tables: "CASE[ in plain text| under TLS]", one a line.
not_passed() { # CLIENT:SERVER RESULT
    for case in $cases; do
        wires=$(awk -v pair="$1" -v case="$case" -v want="$2" '
            { result = $0; sub(/^[^ ]* [^ ]* [^ ]* /, "", result) }
            $1 == pair && $3 == case && result == want { print $2 }' "$tmp/results" | sort | paste -sd+)
        case $wires in
        plain) echo "$case in plain text" ;;
        TLS) echo "$case under TLS" ;;
        TLS+plain) echo "$case" ;;
        esac
    done
}

# A reason of one pair is said once.
reasons() { # PAIR...
    for pair in "$@"; do
        sed -n "s/^$pair [^ ]* [^ ]* //p" "$tmp/results" | grep -v '^passed$' | sort -u |
            while read -r result; do
                printf -- '- %s, %s: ' "$(echo "$pair" | sed 's/:/ to /')" "$result"
                not_passed "$pair" "$result" | paste -sd, | sed 's/,/, /g'
            done
    done
}

record() {
    to= from= bad=vitro:vitro official=
    for name in $peers; do
        ! serves "$name" empty_unary || to="$to vitro:$name"
        [ "$name" = vitro ] || ! has_client "$name" || from="$from $name:vitro"
        has_client "$name" || bad="$bad vitro:$name"
    done
    for case in $cases; do is_bad "$case" || official="$official $case"; done
    echo '# The official interoperability cases'
    echo
    echo 'Written by `RECORD=1 make interop`: clients against servers, the client named first, in plain'
    echo 'text and under TLS; "one / another" where the two differ. passed: the client is content, and'
    echo 'the server has seen the call.'
    echo
    for name in $peers; do echo "- $(peer "$name" version)"; done
    table 'our client' "$official" $to
    table 'our server' "$official" $from
    table 'servers that misbehave' "$bad_cases" $bad $from
    echo
    echo 'What is not passed, and why:'
    echo
    reasons $to ${bad#vitro:vitro} $from
}
