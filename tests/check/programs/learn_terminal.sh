#!/bin/sh
# vitro learn in a shell with job control: ^Z gives the shell its screen back, and fg the lesson its
# own, at the same place of its text and of the wire. The same of the list of lessons.
set -u
cd "$(dirname "$0")/../../.." || exit 1
. tests/check/tmux.sh

shell_is_back() {
    tmux_is '#{alternate_on}' 0
    tmux_is '#{cursor_flag}' 1
    tmux_sees 'stood here before'
    tmux_reads_lines
}

tmux_begin 80 24
tmux_type "export XDG_STATE_HOME=$tmux_dir; clear; echo stood here before" Enter
tmux_type 'make -s run' Enter
tmux_sees 'part 1 of'
tmux_is '#{alternate_on}' 1
tmux_type Enter
tmux_sees 'part 2 of'
tmux_sees 'next > SETTINGS'
tmux_screen >"$tmux_dir/before"

tmux_type C-z
shell_is_back
tmux_type 'fg' Enter
tmux_sees 'part 2 of'
tmux_is '#{alternate_on}' 1
tmux_screen >"$tmux_dir/after"
cmp -s "$tmux_dir/before" "$tmux_dir/after" || tmux_fail "fg shows another screen than ^Z left"
tmux_type ' '
tmux_sees 'next > SETTINGS ACK'
tmux_type q
tmux_sees 'vitro  the lessons'

tmux_type C-z
shell_is_back
tmux_type 'fg' Enter
tmux_sees 'vitro  the lessons'
tmux_type q
shell_is_back
tmux_type 'echo "status $?"' Enter
tmux_sees 'status 0'
