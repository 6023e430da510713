#!/bin/sh
# The interop client and server that Debian's ruby-grpc carries, as one of the peers of official.sh.
# They want their certificates beside them: a copy of them stands beside ours.
set -u
dir=build/interop/ruby
word=$1
shift

prepare() {
    command -v ruby >/dev/null 2>&1 || {
        echo "ruby is not installed"
        exit 1
    }
    pb=$(ruby -e 'puts Gem::Specification.find_by_name("grpc").gem_dir' 2>/dev/null)/src/ruby/pb
    [ -e "$pb/test/client.rb" ] && [ -e "$pb/test/server.rb" ] || {
        echo "there is no interop client and server beside Ruby's grpc (Debian: ruby-grpc)"
        exit 1
    }
    rm -rf "$dir"
    mkdir -p "$dir/spec/testdata"
    cp -R "$pb" "$dir/pb"
    mkdir "$dir/lib"
    : >"$dir/lib/grpc.rb" # the library itself comes by -r
    cp tests/fixtures/tls/ca.pem "$dir/spec/testdata/ca.pem"
    cp tests/fixtures/tls/server.pem "$dir/spec/testdata/server1.pem"
    cp tests/fixtures/tls/server.key "$dir/spec/testdata/server1.key"
}

case $word in
prepare) prepare ;;
version)
    ruby -e 'require "grpc"; puts "ruby: grpc #{GRPC::VERSION}, its own interop client and server"'
    ;;
client) exec ruby -r grpc "$dir/pb/test/client.rb" "$@" ;;
bad_client) # it takes no names that it does not know
    for flag; do
        shift
        case $flag in --test_case=*) flag=--test_case=large_unary ;; esac
        set -- "$@" "$flag"
    done
    exec ruby -r grpc "$dir/pb/test/client.rb" "$@"
    ;;
server)
    export GRPC_VERBOSITY=DEBUG GRPC_TRACE=chttp2_hpack_parser
    exec ruby -r "$PWD/tests/interop/ruby/listening.rb" "$dir/pb/test/server.rb" "$@"
    ;;
esac
