#!/bin/sh
# What an application links: libvitro.so as it is released, stripped, is no larger than 500 KiB, and
# needs nothing but libc and the libraries that it names.
set -u
cd "$(dirname "$0")/../../.." || exit 1
so=build/release/lib/libvitro.so
log=$(make -s V=release WERROR=-Werror "$so" 2>&1) || {
    echo "$log"
    exit 1
}
stripped=$(mktemp) || exit 1
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$so" || exit 1
bytes=$(wc -c <"$stripped")
needed=$(readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
echo "  libvitro.so: $((bytes / 1024)) KiB of 500, stripped; needs $needed"
status=0
[ "$bytes" -gt 0 ] && [ "$bytes" -le $((500 * 1024)) ] || {
    echo "size: more than 500 KiB: $bytes bytes"
    status=1
}
for library in $needed; do
    case $library in
    libc.so.* | ld-linux*.so.* | libnghttp2.so.* | libprotobuf-c.so.* | libjansson.so.* | libz.so.* | libssl.so.* | libcrypto.so.*) ;;
    *)
        echo "size: it may not need $library"
        status=1
        ;;
    esac
done
case " $needed" in
*' libnghttp2.so.'*) ;;
*)
    echo "size: nothing was read of $so"
    status=1
    ;;
esac
exit $status
