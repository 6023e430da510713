#!/bin/sh
# Install what is missing of the package groups named: install.sh GROUP...
# Silent when all is there. What a group holds stands in the file `packages` beside this one.
set -u
list=$(dirname "$0")/packages

have() {
    case $1 in
    pkg:*)  pkg-config --exists "${1#pkg:}" 2>/dev/null ;;
    file:*) [ -e "${1#file:}" ] ;;
    *)      command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=
while read -r group package probe _; do
    for wanted in "$@"; do
        if [ "$group" = "$wanted" ] && ! have "$probe"; then
            missing="$missing $package"
        fi
    done
done <"$list"
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 || {
    echo "deps: missing:$missing: this system has no apt-get; install them by hand" >&2
    exit 1
}
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "deps: missing:$missing: not root and no sudo; run: apt-get install$missing" >&2
        exit 1
    }
    as_root=sudo
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086  # words are wanted
if $as_root apt-get update -qq >"$log" 2>&1 &&
    $as_root apt-get install -y -qq --no-install-recommends $missing >>"$log" 2>&1; then
    rm -f "$log"
    exit 0
fi
tail -n 5 "$log" >&2
rm -f "$log"
echo "deps: could not install$missing: see above; run: apt-get install$missing" >&2
exit 1
