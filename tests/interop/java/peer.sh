#!/bin/sh
# grpc-java's own clients and TestService, at the version of pom.xml, as one of the peers of
# official.sh, with what they lack. The certificates of those clients are resources: ours, in front
# of them on the class path, are found first.
set -u
. tests/interop/needs.sh
here=tests/interop/java
dir=$PWD/build/interop/java
tls=tests/fixtures/tls
official=io.grpc.testing.integration
version=$(sed -n 's,.*<version>\(.*\..*\)</version>.*,\1,p' $here/pom.xml)
word=$1
shift

prepare() {
    needs javac mvn
    made=$(cat $here/*.java $here/pom.xml)
    [ "$made" = "$(cat "$dir/made" 2>/dev/null)" ] && exit 0
    rm -rf "$dir/classes"
    mkdir -p "$dir/classes/certs"
    timeout 400 mvn -q -B -f $here/pom.xml dependency:copy-dependencies \
        "-DoutputDirectory=$dir/jars" >"$dir/log" 2>&1 &&
        javac -cp "$dir/jars/*" -d "$dir/classes" $here/*.java >>"$dir/log" 2>&1 || {
        echo "grpc-java $version cannot be had: $(grep -m 1 -i error "$dir/log" || tail -n 1 "$dir/log")"
        exit 1
    }
    cp $tls/ca.pem "$dir/classes/certs/ca.pem"
    echo "$made" >"$dir/made"
}

run() { # CLASS FLAGS
    class=$1
    shift
    exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Djava.util.logging.config.file=$here/logging.properties \
        -cp "$dir/classes:$dir/jars/*" "$class" "$@"
}

case $word in
prepare) prepare ;;
version) echo "grpc-java $version: its own interop client, HTTP/2 client and TestService" ;;
client)
    case $* in
    *=half_duplex* | *=timeout* | *=cancel_after_begin*) run vitro.Client "--ca_file=$tls/ca.pem" "$@" ;;
    *) run $official.TestServiceClient --use_tls=false "$@" ;;
    esac
    ;;
bad_client)
    case $* in
    *padding*) run $official.TestServiceClient --use_tls=false "$@" --test_case=large_unary ;;
    *use_tls=true* | *=rst_*) run vitro.Client "--ca_file=$tls/ca.pem" "$@" ;;
    *) run $official.Http2Client "$@" ;;
    esac
    ;;
server) run vitro.Server "--tls_cert_file=$tls/server.pem" "--tls_key_file=$tls/server.key" "$@" ;;
esac
