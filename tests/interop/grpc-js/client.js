// The official cases on grpc-js, one a run: status 0 is a pass, else the last line says why.
'use strict';
const assert = require('assert');
const grpc = require('@grpc/grpc-js');
const { TestService, UnimplementedService, flags, read, initial, trailing } = require('./testing');

const REQUEST_SIZES = [27182, 8, 1828, 45904];
const RESPONSE_SIZES = [31415, 9, 2653, 58979];
const LARGE_REQUEST = 271828;
const LARGE_RESPONSE = 314159;
const GZIP = { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip };

const given = flags({
  use_tls: 'false',
  soak_iterations: '10',
  soak_max_failures: '0',
  soak_per_iteration_max_acceptable_latency_ms: '1000',
  soak_overall_timeout_seconds: '10',
  soak_request_size: String(LARGE_REQUEST),
  soak_response_size: String(LARGE_RESPONSE),
});
const number = (name) => Number(given[name]);

function connect(Service = TestService, options = {}) {
  const target = `${given.server_host}:${given.server_port}`;
  return given.use_tls === 'true'
    ? new Service(target, grpc.credentials.createSsl(read(given.ca_file)),
      { ...options, 'grpc.ssl_target_name_override': given.server_host_override })
    : new Service(target, grpc.credentials.createInsecure(), options);
}

const soon = () => ({ deadline: Date.now() + 50000 });
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const zeros = (size) => ({ body: Buffer.alloc(size) });

function isZeros({ payload }, size) {
  assert.strictEqual(payload.body.length, size);
  assert(payload.body.every((byte) => byte === 0), 'a byte is not zero');
}

// A call with one response: { error | response, headers, trailers }.
const unary = (client, method, request, metadata = new grpc.Metadata()) => new Promise((resolve) => {
  const all = {};
  const call = client[method](request, metadata, soon(), (error, response) => Object.assign(all, { error, response }));
  call.on('metadata', (headers) => { all.headers = headers; });
  call.on('status', (status) => resolve({ ...all, trailers: status.metadata }));
});

async function answer(client, method, request, metadata) {
  const all = await unary(client, method, request, metadata);
  if (all.error) throw all.error;
  return all;
}

async function fails(client, method, request, code, text) {
  const { error } = await unary(client, method, request);
  assert(error, 'OK');
  assert.strictEqual(error.code, code, error.message);
  if (text !== undefined) assert.strictEqual(error.details, text);
}

// What a stream gives until its end: { responses, status, headers }; each response is told.
const collect = (call, each = () => {}) => new Promise((resolve) => {
  const all = { responses: [] };
  call.on('data', (response) => { all.responses.push(response); each(all.responses.length); });
  call.on('metadata', (headers) => { all.headers = headers; });
  call.on('error', () => {});
  call.on('status', (status) => resolve({ ...all, status }));
});

function allCame({ responses, status }, sizes) {
  assert.strictEqual(status.code, 0, status.details);
  assert.strictEqual(responses.length, sizes.length);
  responses.forEach((response, i) => isZeros(response, sizes[i]));
}

const largeRequest = (request = LARGE_REQUEST, response = LARGE_RESPONSE) => (
  { response_size: response, payload: zeros(request) });
const outputRequest = (responses, request = 0) => (
  { response_parameters: responses.map((size) => ({ size })), payload: zeros(request) });

// ---- the cases ----------------------------------------------------------------------------------

async function large(client, request = LARGE_REQUEST, response = LARGE_RESPONSE) {
  isZeros((await answer(client, 'UnaryCall', largeRequest(request, response))).response, response);
}

async function clientCompressedUnary(client) {
  const request = { ...largeRequest(), expect_compressed: { value: true } };
  const compressing = connect(TestService, GZIP);
  await fails(client, 'UnaryCall', request, grpc.status.INVALID_ARGUMENT);
  await answer(compressing, 'UnaryCall', request);
  compressing.close();
  await answer(client, 'UnaryCall', { ...request, expect_compressed: { value: false } });
}

// { error | response } of a stream of requests.
const input = (client, requests, options = {}) => new Promise((resolve) => {
  const call = client.StreamingInputCall({ ...soon(), ...options }, (error, response) => resolve({ error, response }));
  requests.forEach((request) => call.write(request));
  call.end();
});

async function clientStreaming(client) {
  const { error, response } = await input(client, REQUEST_SIZES.map((size) => ({ payload: zeros(size) })));
  assert.ifError(error);
  assert.strictEqual(response.aggregated_payload_size, 74922);
}

const NO_COMPRESS = 2; // WriteFlags.NoCompress, which grpc-js keeps to itself

class OnlyFirstCompressed extends grpc.InterceptingCall {
  sendMessageWithContext(context, message) {
    super.sendMessageWithContext(this.begun ? { ...context, flags: NO_COMPRESS } : context, message);
    this.begun = true;
  }
}

async function clientCompressedStreaming(client) {
  const first = { payload: zeros(27182), expect_compressed: { value: true } };
  const second = { payload: zeros(45904), expect_compressed: { value: false } };
  const probe = await input(client, [first]);
  assert.strictEqual(probe.error?.code, grpc.status.INVALID_ARGUMENT);
  const compressing = connect(TestService, GZIP);
  const { error, response } = await input(compressing, [first, second], {
    interceptors: [(options, nextCall) => new OnlyFirstCompressed(nextCall(options))],
  });
  compressing.close();
  assert.ifError(error);
  assert.strictEqual(response.aggregated_payload_size, 73086);
}

// How the responses came, the server's trace tells.
async function serverCompressedUnary(client) {
  for (const value of [true, false]) {
    const request = { ...largeRequest(), response_compressed: { value } };
    isZeros((await answer(client, 'UnaryCall', request)).response, LARGE_RESPONSE);
  }
}

async function serverStreaming(client) {
  allCame(await collect(client.StreamingOutputCall(outputRequest(RESPONSE_SIZES), soon())), RESPONSE_SIZES);
}

async function serverCompressedStreaming(client) {
  const parameters = [{ size: 31415, compressed: { value: true } }, { size: 92653, compressed: { value: false } }];
  const call = client.StreamingOutputCall({ response_parameters: parameters }, soon());
  allCame(await collect(call), [31415, 92653]);
}

async function pingPong(client) {
  const call = client.FullDuplexCall(soon());
  const ask = (i) => (i < RESPONSE_SIZES.length
    ? call.write(outputRequest([RESPONSE_SIZES[i]], REQUEST_SIZES[i])) : call.end());
  ask(0);
  allCame(await collect(call, ask), RESPONSE_SIZES);
}

async function emptyStream(client) {
  const call = client.FullDuplexCall(soon());
  call.end();
  allCame(await collect(call), []);
}

async function halfDuplex(client) {
  const call = client.HalfDuplexCall(soon());
  RESPONSE_SIZES.forEach((size, i) => call.write(outputRequest([size], REQUEST_SIZES[i])));
  call.end();
  allCame(await collect(call), RESPONSE_SIZES);
}

async function customMetadata(client) {
  const sent = new grpc.Metadata();
  sent.set(initial, 'test_initial_metadata_value');
  sent.set(trailing, Buffer.from('ababab', 'hex'));
  const cameBack = (headers, trailers) => {
    assert.deepStrictEqual(headers.get(initial), sent.get(initial));
    assert.deepStrictEqual(trailers.get(trailing), sent.get(trailing));
  };
  const { headers, trailers } = await answer(client, 'UnaryCall', largeRequest(1, 1), sent);
  cameBack(headers, trailers);
  const call = client.FullDuplexCall(sent, soon());
  call.write(outputRequest([1], 1));
  call.end();
  const all = await collect(call);
  allCame(all, [1]);
  cameBack(all.headers, all.status.metadata);
}

async function statusCodeAndMessage(client) {
  const text = 'test status message';
  const status = { response_status: { code: grpc.status.UNKNOWN, message: text } };
  await fails(client, 'UnaryCall', status, grpc.status.UNKNOWN, text);
  const call = client.FullDuplexCall(soon());
  call.write(status);
  call.end();
  const ended = (await collect(call)).status;
  assert.deepStrictEqual([ended.code, ended.details], [grpc.status.UNKNOWN, text]);
}

async function specialStatusMessage(client) {
  const text = '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1F608}\t\n';
  const status = { response_status: { code: grpc.status.UNKNOWN, message: text } };
  await fails(client, 'UnaryCall', status, grpc.status.UNKNOWN, text);
}

async function unimplementedService() {
  const client = connect(UnimplementedService);
  await fails(client, 'UnimplementedCall', {}, grpc.status.UNIMPLEMENTED);
  client.close();
}

async function cancelAfterBegin(client) {
  await answer(client, 'EmptyCall', {}); // the connection is there
  const code = await new Promise((resolve) => {
    const call = client.StreamingInputCall(soon(), (error) => resolve(error ? error.code : 0));
    pause(100).then(() => call.cancel()); // the headers leave
  });
  assert.strictEqual(code, grpc.status.CANCELLED);
}

async function cancelAfterFirstResponse(client) {
  const call = client.FullDuplexCall(soon());
  call.write(outputRequest([31415], 27182));
  const { responses, status } = await collect(call, () => call.cancel());
  isZeros(responses[0], 31415);
  assert.strictEqual(status.code, grpc.status.CANCELLED, status.details);
}

async function timeoutOnSleepingServer(client) {
  await answer(client, 'EmptyCall', {});
  const call = client.FullDuplexCall({ deadline: Date.now() + 1 });
  call.write(outputRequest([], 27182));
  const { status } = await collect(call);
  assert.strictEqual(status.code, grpc.status.DEADLINE_EXCEEDED, status.details);
}

async function soak(clientOf, done) {
  const end = Date.now() + number('soak_overall_timeout_seconds') * 1000;
  let failures = 0;
  for (let i = 0; i < number('soak_iterations'); i += 1) {
    const begin = Date.now();
    assert(begin < end, `${i} iterations in time`);
    const client = clientOf();
    await large(client, number('soak_request_size'), number('soak_response_size'));
    done(client);
    failures += Date.now() - begin > number('soak_per_iteration_max_acceptable_latency_ms');
  }
  assert(failures <= number('soak_max_failures'), `${failures} iterations failed`);
}

async function goaway(client) {
  await large(client);
  await pause(1000); // as the description says
  await large(client);
}

async function maxStreams(client) {
  await large(client);
  await Promise.all(Array.from({ length: 10 }, () => large(client)));
}

const isCut = (client) => fails(client, 'UnaryCall', largeRequest(), grpc.status.INTERNAL);

const cases = {
  empty_unary: (client) => answer(client, 'EmptyCall', {}),
  large_unary: large,
  client_compressed_unary: clientCompressedUnary,
  server_compressed_unary: serverCompressedUnary,
  client_streaming: clientStreaming,
  client_compressed_streaming: clientCompressedStreaming,
  server_streaming: serverStreaming,
  server_compressed_streaming: serverCompressedStreaming,
  ping_pong: pingPong,
  empty_stream: emptyStream,
  half_duplex: halfDuplex,
  custom_metadata: customMetadata,
  status_code_and_message: statusCodeAndMessage,
  special_status_message: specialStatusMessage,
  unimplemented_method: (client) => fails(client, 'UnimplementedCall', {}, grpc.status.UNIMPLEMENTED),
  unimplemented_service: unimplementedService,
  cancel_after_begin: cancelAfterBegin,
  cancel_after_first_response: cancelAfterFirstResponse,
  timeout_on_sleeping_server: timeoutOnSleepingServer,
  rpc_soak: (client) => soak(() => client, () => {}),
  channel_soak: () => soak(connect, (client) => client.close()),
  goaway,
  rst_after_header: isCut,
  rst_during_data: isCut,
  rst_after_data: isCut,
  ping: large,
  max_streams: maxStreams,
  data_frame_padding: large,
  no_df_padding_sanity_test: large,
};

const client = connect();
cases[given.test_case](client).then(() => client.close(), (error) => {
  console.error(String(error.message).replace(/\s+/g, ' '));
  process.exit(1);
});
