#!/bin/sh
# The interop client and server that Debian's ruby-grpc carries, with what they lack, as one of the
# peers of official.sh. They want their certificates beside them: a copy of them stands beside ours.
set -u
. tests/interop/needs.sh
here=tests/interop/ruby
dir=build/interop/ruby
word=$1
shift

prepare() {
    needs ruby
    pb=$(ruby -e 'puts Gem::Specification.find_by_name("grpc").gem_dir' 2>/dev/null)/src/ruby/pb
    [ -e "$pb/test/client.rb" ] && [ -e "$pb/test/server.rb" ] || {
        echo "there is no interop client and server beside Ruby's grpc (Debian: ruby-grpc)"
        exit 1
    }
    rm -rf "$dir"
    mkdir -p "$dir/spec/testdata"
    cp -R "$pb" "$dir/pb"
    mkdir "$dir/lib"
    : >"$dir/lib/grpc.rb" # the library itself is there before
    cp tests/fixtures/tls/ca.pem "$dir/spec/testdata/ca.pem"
    cp tests/fixtures/tls/server.pem "$dir/spec/testdata/server1.pem"
    cp tests/fixtures/tls/server.key "$dir/spec/testdata/server1.key"
}

case $word in
prepare) prepare ;;
version)
    ruby -e 'require "grpc"; puts "ruby: grpc #{GRPC::VERSION}, its own interop client and server"'
    ;;
client | bad_client) exec ruby -I "$dir/pb" $here/client.rb "$@" ;;
server)
    export GRPC_VERBOSITY=DEBUG GRPC_TRACE=chttp2_hpack_parser
    exec ruby -I "$dir/pb" $here/server.rb "$@"
    ;;
esac
