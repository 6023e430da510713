#!/bin/sh
# What a terminal with a shell in it shows of vitro: ^Z gives the shell its screen back and fg comes
# back to ours, in the size that the terminal has by then; a signal gives the terminal back.
set -u
cd "$(dirname "$0")/../../.." || exit 1
. tests/check/tmux.sh

# The shell reads lines again, and its own screen stands as it was.
shell_is_back() {
    tmux_is '#{alternate_on}' 0
    tmux_is '#{cursor_flag}' 1
    tmux_is '#{mouse_any_flag}' 0
    tmux_sees 'stood here before'
    tmux_sees_not '[events]'
    tmux_reads_lines
}

tmux_begin 80 24
tmux_type 'echo stood here before' Enter
tmux_type 'vitro inspect captures/pair.pcapng' Enter
tmux_sees '[events]'
tmux_is '#{alternate_on}' 1
tmux_type G
tmux_sees '>  93'

tmux_type C-z
shell_is_back
tmux_type 'echo "still: $((40 + 2))"' Enter
tmux_sees 'still: 42'
tmux_resize 100 30
tmux_type 'fg' Enter
tmux_sees '[events]'
tmux_is '#{alternate_on}' 1
tmux_sees '>  93'
tmux_type '?'
tmux_sees 'this help'
tmux_type q
tmux_sees '[events]'

tmux_resize 1 1
tmux_resize 80 24
tmux_sees '>  93'
tmux_type q
shell_is_back
tmux_sees 'still: 42'

# Who makes the capture asks a question first, as sudo does.
tmux_type 'clear; echo stood here before' Enter
tmux_type '(printf "pass%s: " word >/dev/tty; read x </dev/tty; cat captures/pair.pcapng) | vitro inspect -' Enter
tmux_sees 'password:'
tmux_type 'quite a question?' Enter
tmux_sees '[events]'
tmux_sees '/93'
tmux_type q
shell_is_back

for signal in TERM INT HUP QUIT SEGV ABRT BUS FPE ILL; do
    tmux_type 'clear; echo stood here before' Enter
    tmux_type "vitro inspect captures/pair.pcapng & echo \$! >$tmux_dir/pid; fg" Enter
    tmux_sees '[events]'
    kill -$signal "$(cat "$tmux_dir/pid")"
    shell_is_back
done
echo "terminal: passed"
