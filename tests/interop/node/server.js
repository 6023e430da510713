// The introduction's chat server, rewritten: the same service, texts and timing, on @grpc/grpc-js.
// UploadFiles is of Proto A alone.
// usage: node server.js [HOST:PORT]     prints "listening on HOST:PORT" when it is ready
'use strict';
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
const proto = (name) => grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, name), options)).chat;

function sendMessage(call, reply) {
  console.log(`${call.request.userId}: ${call.request.message}`);
  reply(null, { success: true, messageId: `msg_${Date.now()}` });
}

function getNotifications(call) {
  const { userId } = call.request;
  let sent = 0;
  const timer = setInterval(() => {
    if (sent === 5) {
      clearInterval(timer);
      call.end();
      return;
    }
    call.write({ id: `notif_${sent}`, title: `알림 ${sent + 1}`, content: `${userId}님에게 새로운 메시지가 있습니다.` });
    sent += 1;
  }, 1000);
  call.on('cancelled', () => clearInterval(timer));
}

function chatEcho(call) {
  call.on('data', ({ userId, text }) => {
    console.log(`${userId}: ${text}`);
    call.write({ userId: '서버', text: `에코: ${text}` });
  });
  call.on('end', () => call.end());
}

function uploadFiles(call, reply) {
  let fileCount = 0;
  let totalSize = 0;
  call.on('data', ({ data }) => {
    fileCount += 1;
    totalSize += data.length;
  });
  call.on('end', () => reply(null, { fileCount, totalSize }));
}

const server = new grpc.Server();
server.addService(proto('chat.proto').ChatService.service, { sendMessage, getNotifications, chat: chatEcho });
const { UploadFiles } = proto('chat_a.proto').ChatService.service;
server.addService({ UploadFiles }, { uploadFiles });
const target = process.argv[2] || '127.0.0.1:50051';
server.bindAsync(target, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    console.error(error.message);
    process.exit(3);
  }
  console.log(`listening on ${target.replace(/:0$/, `:${port}`)}`);
});
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
