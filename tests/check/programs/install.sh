#!/bin/sh
# An installed copy is enough to build against: pkg-config, headers, shared and static library.
set -eu
cd "$(dirname "$0")/../../.."
copy=$PWD/build/installed
rm -rf "$copy" && mkdir -p "$copy"
DESTDIR=$copy PREFIX=/usr VERSION=0.0.0 sh tools/install.sh build

export PKG_CONFIG_SYSROOT_DIR=$copy PKG_CONFIG_PATH=$copy/usr/lib/pkgconfig
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
cat >"$copy/one.c" <<'C'
#include <stdio.h>
#include <vitro.h>

int main(void)
{
    vitro_channel *channel;
    vitro_error err;
    char text[512];

    if (vitro_channel_new(&channel, NULL, "ipv4:1.2.3.4:x", NULL, &err) == VITRO_OK)
        return 1;
    vitro_error_format(&err, text, sizeof text);
    puts(text);
    return 0;
}
C
# shellcheck disable=SC2046  # words are wanted
cc -std=c11 -Wall -Wextra -Werror -o "$copy/shared" "$copy/one.c" \
    $(pkg-config --cflags --libs vitro | sed "s#$copy\(/usr/include/google\)#\1#g")
LD_LIBRARY_PATH=$copy/usr/lib "$copy/shared" | grep -q '^INVALID_ARGUMENT: '
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Werror -o "$copy/static" "$copy/one.c" -I"$copy/usr/include" \
    "$copy/usr/lib/libvitro.a" $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs libnghttp2 \
    libprotobuf-c jansson openssl zlib) -pthread
"$copy/static" | grep -q '^INVALID_ARGUMENT: '

# Programs find their lessons there.
build/bin/vitro learn 08 --plain >"$copy/built"
"$copy/usr/bin/vitro" learn 08 --plain | cmp - "$copy/built"
