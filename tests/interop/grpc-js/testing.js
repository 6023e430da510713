// The services of grpc.testing, and flags as the official programs have them.
'use strict';
const fs = require('fs');
const { parseArgs } = require('util');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const loaded = loader.loadSync('grpc/testing/test.proto', {
  keepCase: true, longs: Number, defaults: true, includeDirs: ['tests/proto'],
});
const { TestService, UnimplementedService } = grpc.loadPackageDefinition(loaded).grpc.testing;

// --NAME=VALUE of any name; the given ones are the defaults.
function flags(defaults) {
  const { tokens } = parseArgs({ strict: false, tokens: true });
  const given = tokens.filter(({ kind }) => kind === 'option').map(({ name, value }) => [name, value]);
  return { ...defaults, ...Object.fromEntries(given) };
}

module.exports = {
  TestService,
  UnimplementedService,
  flags,
  read: (file) => fs.readFileSync(file),
  initial: 'x-grpc-test-echo-initial',
  trailing: 'x-grpc-test-echo-trailing-bin',
};
