#!/bin/sh
# grpc-java's own programs, as one of the peers of official.sh, at the version of pom.xml. Their
# certificates are resources: ours, in front of them on the class path, are found first.
set -u
here=tests/interop/java
dir=$PWD/build/interop/java
tls=tests/fixtures/tls
version=$(sed -n 's,.*<version>\(.*\..*\)</version>.*,\1,p' $here/pom.xml)
word=$1
shift

prepare() {
    command -v javac >/dev/null 2>&1 && command -v mvn >/dev/null 2>&1 || {
        echo "javac or mvn is not installed"
        exit 1
    }
    cmp -s $here/Listening.java "$dir/Listening.java" && cmp -s $here/pom.xml "$dir/pom.xml" && exit 0
    mkdir -p "$dir/classes/certs"
    timeout 400 mvn -q -B -f $here/pom.xml dependency:copy-dependencies \
        "-DoutputDirectory=$dir/jars" >"$dir/log" 2>&1 &&
        javac -cp "$dir/jars/*" -d "$dir/classes" $here/Listening.java >>"$dir/log" 2>&1 || {
        echo "grpc-java $version cannot be had: $(grep -m 1 ERROR "$dir/log" || tail -n 1 "$dir/log")"
        exit 1
    }
    cp $tls/ca.pem "$dir/classes/certs/ca.pem"
    cp $tls/server.pem "$dir/classes/certs/server1.pem"
    cp $tls/server.key "$dir/classes/certs/server1.key"
    cp $here/Listening.java $here/pom.xml "$dir"
}

run() { # CLASS FLAGS
    class=$1
    shift
    exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Djava.util.logging.config.file=$here/logging.properties \
        -cp "$dir/classes:$dir/jars/*" "io.grpc.testing.integration.$class" "$@"
}

case $word in
prepare) prepare ;;
version) echo "grpc-java $version: its own interop client, server and HTTP/2 client" ;;
client) run TestServiceClient --use_tls=false "$@" ;;
bad_client)
    case $* in
    *padding*) run TestServiceClient --use_tls=false "$@" --test_case=large_unary ;;
    *) run Http2Client "$@" ;;
    esac
    ;;
server) run Listening --use_tls=false "$@" ;;
esac
