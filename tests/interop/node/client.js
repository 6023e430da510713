// The introduction's chat client, rewritten: one unary call and one server stream at once, a bidirectional stream
// six seconds later, half-closed three seconds after that; then an upload, which only Proto A has. Prints one line a
// message; ends with status 0 if all came, and the headers of the server stream with its first message.
// usage: node client.js [HOST:PORT]
'use strict';
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
const proto = (name) => grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, name), options)).chat;
const target = process.argv[2] || '127.0.0.1:50051';
const client = new (proto('chat.proto').ChatService)(target, grpc.credentials.createInsecure());
const uploader = new (proto('chat_a.proto').ChatService)(target, grpc.credentials.createInsecure());
const seen = { reply: 0, notifications: 0, echoes: 0, ends: 0, upload: 0 };
const start = Date.now();
let headers = 0;

function fail(error) {
  console.error(`error ${error.code}: ${error.details}`);
  process.exitCode = 1;
}

client.sendMessage({ userId: '사용자1', message: '안녕하세요!' }, (error, reply) => {
  if (error) return fail(error);
  seen.reply += 1;
  console.log(`reply: success=${reply.success} messageId=${reply.messageId}`);
});

const notifications = client.getNotifications({ userId: '사용자1' });
notifications.on('metadata', () => {
  headers = Date.now();
});
notifications.on('data', ({ id, title, content }) => {
  seen.notifications += 1;
  if (seen.notifications === 1) {
    const good = headers - start > 900 && Date.now() - headers < 200;
    console.log(good ? 'notifications: headers with the first message' : 'notifications: headers alone');
    if (!good) process.exitCode = 1;
  }
  console.log(`notification: ${id} | ${title} | ${content}`);
});
notifications.on('error', fail);
notifications.on('end', () => {
  seen.ends += 1;
  console.log('notifications: end');
});

function upload() {
  const call = uploader.uploadFiles((error, reply) => {
    client.close();
    uploader.close();
    if (error) return fail(error);
    seen.upload += 1;
    console.log(`upload: fileCount=${reply.fileCount} totalSize=${reply.totalSize}`);
    if (seen.reply !== 1 || seen.notifications !== 5 || seen.echoes !== 2 || seen.ends !== 2) process.exitCode = 1;
  });
  call.write({ filename: '안녕.txt', data: Buffer.from('안녕하세요!') });
  call.write({ filename: 'empty.bin', data: Buffer.alloc(0) });
  call.write({ filename: 'large.bin', data: Buffer.alloc(100000, 'v') });
  call.end();
}

setTimeout(() => {
  const talk = client.chat();
  talk.on('data', ({ userId, text }) => {
    seen.echoes += 1;
    console.log(`${userId}: ${text}`);
  });
  talk.on('error', fail);
  talk.on('end', () => {
    seen.ends += 1;
    console.log('chat: end');
    upload();
  });
  talk.write({ userId: '사용자1', text: '안녕하세요!' });
  talk.write({ userId: '사용자1', text: '반갑습니다!' });
  setTimeout(() => talk.end(), 3000);
}, 6000);
