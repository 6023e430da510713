#!/bin/sh
# The Node programs with their packages in build/interop/node; silent when they are there. Says why
# and fails when they cannot be: Node is missing, or the registry cannot be reached.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=build/interop/node
. tests/interop/needs.sh

needs node npm
mkdir -p $dir
old=$(cat $dir/package-lock.json 2>/dev/null)
cp tests/interop/node/* $dir/ && cp proto/chat.proto $dir/chat_a.proto || exit 1
if [ ! -e $dir/node_modules/.complete ] || [ "$old" != "$(cat $dir/package-lock.json)" ]; then
    rm -rf $dir/node_modules
    (cd $dir && timeout 120 npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1) || {
        echo "npm cannot install @grpc/grpc-js: $(grep -m 1 'npm error' $dir/npm.log || tail -n 1 $dir/npm.log)"
        exit 1
    }
    touch $dir/node_modules/.complete
fi
