#!/bin/sh
# Copy what was built in $1 to DESTDIR/PREFIX: headers, libraries, pkg-config files, the two
# programs, the lessons, and the manual pages of build/man when they are made. With --remove, take
# all that away. Called by `make install`, which sets DESTDIR, PREFIX and VERSION.
set -eu
from=$1
to=$DESTDIR$PREFIX

if [ "$from" = --remove ]; then
    rm -rf "$to/include/vitro" "$to/include/vitro.h" "$to/lib/vitro" "$to/share/vitro"
    rm -f "$to"/lib/libvitro.* "$to"/lib/libvitro-decode.* "$to"/lib/pkgconfig/vitro.pc \
        "$to"/lib/pkgconfig/vitro-decode.pc "$to"/bin/vitro "$to"/bin/protoc-gen-vitro \
        "$to"/share/man/man1/vitro.1 "$to"/share/man/man1/vitro-*.1 \
        "$to"/share/man/man1/protoc-gen-vitro.1 "$to"/share/man/man3/vitro_*.3 \
        "$to"/share/man/man7/vitro.7
    exit 0
fi

mkdir -p "$to/include/vitro/lab" "$to/lib/pkgconfig" "$to/bin"
for header in lib/include/*.h lib/include/vitro/*.h lib/include/vitro/lab/*.h; do
    [ -e "$header" ] && install -m 644 "$header" "$to/include/${header#lib/include/}"
done
for name in vitro vitro-decode; do
    install -m 644 "$from/lib/lib$name.a" "$to/lib/"
    for so in "$from/lib/lib$name.so".*; do
        install -m 755 "$so" "$to/lib/"
        ln -sf "$(basename "$so")" "$to/lib/lib$name.so"
    done
    {
        echo "prefix=$PREFIX"
        echo 'libdir=${prefix}/lib'
        echo 'includedir=${prefix}/include'
        if [ "$name" = vitro ]; then
            echo 'plugin=${prefix}/bin/protoc-gen-vitro'
            echo 'proto=${prefix}/share/vitro/proto'
        fi
        echo
        echo "Name: $name"
        if [ "$name" = vitro ]; then
            echo 'Description: gRPC in C, every layer of which can be watched'
        else
            echo 'Description: the decoder of vitro: captures to named and explained bytes'
        fi
        echo "Version: $VERSION"
        echo 'Requires: libprotobuf-c'
        echo 'Requires.private: libnghttp2 jansson openssl zlib'
        echo 'Cflags: -I"${includedir}"'
        echo "Libs: -L\"\${libdir}\" -l$name"
        echo 'Libs.private: -pthread'
    } >"$to/lib/pkgconfig/$name.pc"
done
for program in vitro protoc-gen-vitro; do
    install -m 755 "$from/bin/$program" "$to/bin/"
done
for lesson in "$from"/lessons/[0-9]*/; do
    [ -d "$lesson" ] || continue
    name=$(basename "$lesson")
    mkdir -p "$to/lib/vitro/lessons/$name"
    install -m 755 "$lesson/main" "$to/lib/vitro/lessons/$name/"
    install -m 644 "$lesson"/*.md "$lesson"/*.c "$to/lib/vitro/lessons/$name/"
done
mkdir -p "$to/lib/vitro/lessons/certificates"
install -m 644 "$from"/lessons/certificates/* "$to/lib/vitro/lessons/certificates/"
mkdir -p "$to/share/vitro/standalone" "$to/share/vitro/proto"
find proto -name '*.proto' | while read -r file; do
    install -D -m 644 "$file" "$to/share/vitro/$file"
done
install -m 644 lessons/standalone/*.c lessons/standalone/Makefile lessons/standalone/README.md \
    proto/chat.proto "$to/share/vitro/standalone/"
for section in man1 man3 man7; do
    [ -d "build/man/$section" ] || continue
    mkdir -p "$to/share/man/$section"
    install -m 644 "build/man/$section"/* "$to/share/man/$section/"
done
