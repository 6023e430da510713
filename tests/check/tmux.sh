# tmux.sh - a terminal for tests that need a shell with job control: to be read by a script.
#
#   . tests/check/tmux.sh
#   tmux_begin 80 24            a shell at a prompt, in a tmux server of its own
#   tmux_type 'vitro inspect F' Enter
#   tmux_sees '[events]'        waits until the screen shows these words, ten seconds at most
#   tmux_end                    also done when the script ends
#
# What fails says so, shows the screen, and ends the script with 1.

tmux_dir=
tmux_do() {
    tmux -S "$tmux_dir/socket" "$@"
}

tmux_begin() { # COLUMNS ROWS
    tmux_dir=$(mktemp -d) || exit 1
    trap tmux_end EXIT
    tmux -f /dev/null -S "$tmux_dir/socket" new-session -d -x "$1" -y "$2" \
        "env -u ENV PATH='$PWD/build/bin:$PATH' LC_ALL=C.UTF-8 PS1='shell> ' sh" || exit 1
    tmux_sees 'shell>'
}

# Keys as tmux send-keys names them: Enter, C-z, Escape, or text.
tmux_type() { # KEY...
    tmux_do send-keys "$@"
}

tmux_screen() {
    tmux_do capture-pane -p
}

tmux_fail() { # WHY
    echo "$0: $1" >&2
    tmux_screen >&2
    exit 1
}

tmux_sees() { # WORDS
    tmux_tries=0
    until tmux_screen | grep -qF -e "$1"; do
        tmux_tries=$((tmux_tries + 1))
        [ $tmux_tries -lt 100 ] || tmux_fail "not on the screen: $1"
        sleep 0.1
    done
}

tmux_sees_not() { # WORDS
    tmux_tries=0
    while tmux_screen | grep -qF -e "$1"; do
        tmux_tries=$((tmux_tries + 1))
        [ $tmux_tries -lt 100 ] || tmux_fail "still on the screen: $1"
        sleep 0.1
    done
}

# What tmux knows of the terminal: '#{alternate_on}' is 1 while a program has the whole screen.
tmux_is() { # FORMAT VALUE
    tmux_tries=0
    until [ "$(tmux_do display-message -p "$1")" = "$2" ]; do
        tmux_tries=$((tmux_tries + 1))
        [ $tmux_tries -lt 100 ] ||
            tmux_fail "$1 is $(tmux_do display-message -p "$1"), not $2"
        sleep 0.1
    done
}

# The terminal gives out lines, as a shell wants it: what is typed from now on is not lost.
tmux_reads_lines() {
    tmux_tty=$(tmux_do display-message -p '#{pane_tty}')
    tmux_tries=0
    until stty -a <"$tmux_tty" | grep -q '[^-]icanon' && stty -a <"$tmux_tty" | grep -q '[^-]icrnl'; do
        tmux_tries=$((tmux_tries + 1))
        [ $tmux_tries -lt 100 ] || tmux_fail "the terminal does not read lines"
        sleep 0.1
    done
}

tmux_resize() { # COLUMNS ROWS
    tmux_do resize-window -x "$1" -y "$2"
}

tmux_end() {
    [ -z "$tmux_dir" ] && return
    tmux_do kill-server 2>/dev/null
    rm -rf "$tmux_dir"
    tmux_dir=
}
