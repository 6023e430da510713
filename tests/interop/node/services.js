// The other services of `vitro serve`, called as the introduction's examples call them. Prints one line a message.
// usage: node services.js HOST:PORT PROTO_DIR
'use strict';
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [, , target, directory] = process.argv;
const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true, includeDirs: [directory] };
const service = (name, type) => {
  const loaded = grpc.loadPackageDefinition(loader.loadSync(`${name}.proto`, options));
  return new loaded[name][type](target, grpc.credentials.createInsecure());
};
const clients = [];
const open = (name, type) => {
  clients.push(service(name, type));
  return clients[clients.length - 1];
};
const show = ({ name, age, email, isActive }) => `${name} ${age} ${email} ${isActive}`;
const deadline = (ms) => ({ deadline: Date.now() + ms });

const unary = (client, method, request, callOptions = {}) => new Promise((resolve) => {
  client[method](request, callOptions, (error, reply) => resolve(error ? { error } : { reply }));
});

async function users() {
  const client = open('user', 'UserService');
  const found = await unary(client, 'GetUser', { userId: '123' });
  console.log(`user: ${show(found.reply.user)}`);
  const { error } = await unary(client, 'GetUser', { userId: '없음' });
  console.log(`user: ${error.code} ${error.details}`);
}

async function orders() {
  const client = open('order', 'OrderService');
  const { reply } = await unary(client, 'PlaceOrder', { userId: '사용자1', item: '책' }, deadline(5000));
  console.log(`order: ${reply.orderId.replace(/[0-9]+$/, '<ms>')} ${show(reply.user)}`);
  const unknown = await unary(client, 'PlaceOrder', { userId: '없음', item: '책' }, deadline(5000));
  console.log(`order: ${unknown.error.code} ${unknown.error.details}`);
  const late = await unary(client, 'PlaceOrder', { userId: '123', item: '책' }, deadline(-1));
  console.log(`order: ${late.error.code}`);
}

// Two members: the second one speaks when it is in, which the first one's answer shows.
const rooms = () => new Promise((resolve) => {
  const client = open('room', 'RoomService');
  const room = `room1-${process.pid}`; // several of this program may run at once
  const first = client.JoinRoom();
  const second = client.JoinRoom();
  const member = (call, name) => {
    call.on('error', (error) => console.log(`room: ${name}: ${error.code}`));
    call.on('end', () => console.log(`room: ${name} left`));
  };
  member(first, 'first');
  member(second, 'second');
  const call = setInterval(() => second.write({ roomId: room, userId: '사용자2', text: '안녕하세요!' }), 50);
  first.once('data', ({ userId, text, timestamp }) => {
    clearInterval(call);
    console.log(`room: first hears ${userId}: ${text} ${Number(timestamp) > 0}`);
    first.write({ userId: '사용자1', text: '반갑습니다!' });
    first.on('data', () => {});
  });
  second.on('data', ({ userId, text }) => {
    console.log(`room: second hears ${userId}: ${text}`);
    first.on('end', () => second.end());
    second.on('end', resolve);
    first.end();
  });
  first.write({ roomId: room, userId: '사용자1' });
});

const CHUNK = 1024 * 1024;

const send = (client, chunks) => new Promise((resolve) => {
  const call = client.UploadFile((error, reply) => {
    console.log(error ? `file: ${error.code} ${error.details}` : `file: ${reply.fileId}`);
    resolve();
  });
  let left = chunks;
  const push = () => {
    while (left > 0) {
      left -= 1;
      if (!call.write({ data: Buffer.alloc(CHUNK, left % 256) })) return call.once('drain', push);
    }
    return call.end();
  };
  call.on('error', () => {});
  push();
});

// An FNV-1a of what was sent: the server's id of a file says that it received just that.
function fnv(chunks) {
  let hash = 0xcbf29ce484222325n;
  for (let left = chunks - 1; left >= 0; left -= 1) {
    const byte = BigInt(left % 256);
    for (let i = 0; i < CHUNK; i += 1) hash = BigInt.asUintN(64, (hash ^ byte) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}

async function files() {
  const client = open('file', 'FileService');
  const start = Date.now();
  console.log(`file: file_${fnv(8)} is due`);
  await send(client, 8);
  await send(client, 65);
  if (Date.now() - start < 80) console.log('file: faster than it is written');
}

const sensor = () => new Promise((resolve) => {
  const client = open('sensor', 'SensorService');
  const call = client.GetSensorData({ deviceId: 'sensor001' });
  let readings = 0;
  call.on('data', ({ temperature, humidity }) => {
    readings += 1;
    const sane = temperature > 15 && temperature < 30 && humidity > 40 && humidity < 70;
    console.log(`sensor: reading ${readings} ${sane}`);
    if (readings === 3) call.cancel();
  });
  call.on('error', (error) => {
    console.log(`sensor: ${error.code}`);
    resolve();
  });
});

(async () => {
  await users();
  await orders();
  await rooms();
  await files();
  await sensor();
  clients.forEach((client) => client.close());
})();
