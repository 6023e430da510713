// TestService on grpc-js: says "listening on ...:PORT"; what it logs of calls is GRPC_TRACE's.
'use strict';
const grpc = require('@grpc/grpc-js');
const { TestService, flags, read, initial, trailing } = require('./testing');

const copy = (from, key) => {
  const to = new grpc.Metadata();
  from.get(key).forEach((value) => to.add(key, value));
  return to;
};

function echoHeaders(call) {
  const echo = copy(call.metadata, initial);
  if (echo.get(initial).length) call.sendMetadata(echo);
}

// The error that a request asks for, or null.
const asked = ({ response_status: status }, call) => (status && status.code !== 0
  ? { code: status.code, details: status.message, metadata: copy(call.metadata, trailing) } : null);

const payload = (size) => ({ payload: { body: Buffer.alloc(size) } });

function emptyCall(call, reply) {
  echoHeaders(call);
  reply(null, {}, copy(call.metadata, trailing));
}

function unaryCall(call, reply) {
  echoHeaders(call);
  reply(asked(call.request, call), payload(call.request.response_size), copy(call.metadata, trailing));
}

function streamingInputCall(call, reply) {
  let sum = 0;
  echoHeaders(call);
  call.on('data', (request) => { sum += request.payload.body.length; });
  call.on('end', () => reply(null, { aggregated_payload_size: sum }, copy(call.metadata, trailing)));
}

const pause = (us) => new Promise((resolve) => { setTimeout(resolve, us / 1000); });

async function outputs(call, request) {
  for (const { size, interval_us: us } of request.response_parameters) {
    if (us > 0) await pause(us);
    call.write(payload(size));
  }
}

async function streamingOutputCall(call) {
  echoHeaders(call);
  await outputs(call, call.request);
  call.end(copy(call.metadata, trailing));
}

// The next request is looked at when the one before it is answered.
function answerEach(call) {
  let before = Promise.resolve();
  let failed = false;
  echoHeaders(call);
  call.on('data', (request) => {
    before = before.then(async () => {
      const error = asked(request, call);
      if (error && !failed) call.emit('error', error);
      failed = failed || Boolean(error);
      if (!failed) await outputs(call, request);
    });
  });
  call.on('end', () => before.then(() => { if (!failed) call.end(copy(call.metadata, trailing)); }));
}

function halfDuplexCall(call) {
  const requests = [];
  echoHeaders(call);
  call.on('data', (request) => requests.push(request));
  call.on('end', async () => {
    for (const request of requests) await outputs(call, request);
    call.end(copy(call.metadata, trailing));
  });
}

const given = flags({ port: '0', use_tls: 'false' });
const server = new grpc.Server();
server.addService(TestService.service, {
  EmptyCall: emptyCall,
  UnaryCall: unaryCall,
  StreamingInputCall: streamingInputCall,
  StreamingOutputCall: streamingOutputCall,
  FullDuplexCall: answerEach,
  HalfDuplexCall: halfDuplexCall,
});
const credentials = given.use_tls === 'true'
  ? grpc.ServerCredentials.createSsl(null, [{ private_key: read(given.tls_key_file), cert_chain: read(given.tls_cert_file) }])
  : grpc.ServerCredentials.createInsecure();
server.bindAsync(`127.0.0.1:${given.port}`, credentials, (error, port) => {
  if (error) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
