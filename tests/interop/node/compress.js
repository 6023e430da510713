// The same call with each compression that grpc-js has; prints one line a reply.
// usage: node compress.js HOST:PORT
'use strict';
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const loaded = loader.loadSync(path.join(__dirname, 'chat.proto'), { keepCase: true });
const { ChatService } = grpc.loadPackageDefinition(loaded).chat;
const { identity, deflate, gzip } = grpc.compressionAlgorithms;
const text = '안녕하세요! '.repeat(2000);

const echo = ([name, algorithm]) => new Promise((resolve) => {
  const options = { 'grpc.default_compression_algorithm': algorithm };
  const client = new ChatService(process.argv[2], grpc.credentials.createInsecure(), options);
  const call = client.Chat({ deadline: Date.now() + 20000 });
  call.on('data', (reply) => console.log(`${name}: ${reply.text === `에코: ${text}`}`));
  call.on('error', (error) => console.log(`${name}: ${error.code} ${error.details}`));
  call.on('status', () => {
    client.close();
    resolve();
  });
  call.write({ userId: '나', text });
  call.end();
});

(async () => {
  for (const each of [['identity', identity], ['deflate', deflate], ['gzip', gzip]]) await echo(each);
})();
