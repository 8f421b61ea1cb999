// How many connections a server holds, how long it waits for their first call, and how it reports refusals; over real
// sockets.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { afterAll, afterEach, expect, test } from 'vitest';
import { frameKinds } from '../bulk/frames.js';
import { ShardConnection } from '../client/shard-connection.js';
import { startParameterServer } from '../index.js';
import { tuneHttp2Server } from '../server/http2-server.js';
import { frame, hello } from '../testing/bulk-peer.js';
import { certify, makeAuthority } from '../testing/certificates.js';
import { writeModel } from '../wire/wire-messages.js';
import { ConnectionGate, type GateLimits, gateLimits } from './connection-gate.js';
import { RefusalLog } from './refusal-log.js';
import { admission, type ServerSecurity, serverCredentials } from './server-security.js';

const token = 'correct-horse-battery-staple';
const folder = mkdtempSync(join(tmpdir(), 'unroll-limits-'));
afterAll(() => rmSync(folder, { recursive: true }));
makeAuthority(folder, 'authority');
const tls = certify(folder, 'server', 'authority');
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');

const model = {
  parameters: [{ name: 'table', shape: [2, 2] }],
  optimizer: { name: 'sgd' as const },
  clipNorm: undefined,
  lanes: { count: 1, width: 1 },
  run: 'a run',
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Starts a server of the health service, which anybody may ask. */
async function serve(
  security: ServerSecurity,
  limits: Partial<GateLimits>,
): Promise<{ port: number; lines: string[] }> {
  const server = new Server();
  const lines: string[] = [];
  const refusals = new RefusalLog((line) => lines.push(line));
  const gate = new ConnectionGate({ most: 1000, mostStrangers: 1000, strangerSeconds: 60, ...limits }, refusals);
  const sockets = tuneHttp2Server(server, { gate, admits: admission(security.token), refusals });
  new HealthImplementation({ '': 'SERVING' }).addToServer(server);
  cleanups.push(() => {
    for (const socket of sockets()) socket.destroy();
    server.forceShutdown();
    refusals.close();
  });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', serverCredentials(security.tls), (error, port) =>
      error ? reject(error) : resolve({ port, lines }),
    );
  });
}

function open(socket: Socket): Socket {
  cleanups.push(() => socket.destroy());
  return socket.on('error', () => undefined);
}

/** Resolves when the connection is closed, including by a reset. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => (socket.closed ? resolve(true) : socket.resume().once('close', resolve)));
}

const plain = (port: number) => open(connect(port, '127.0.0.1'));
const secured = (port: number) =>
  open(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }));

/** Opens a connection that has asked for the health. */
async function caller(port: number, scheme: 'http' | 'https', authorization: string): Promise<ClientHttp2Session> {
  const session = connectHttp2(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  cleanups.push(() => session.destroy());
  session.on('error', () => undefined);
  const path = '/grpc.health.v1.Health/Check';
  const request = session.request({
    ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
    ...(authorization ? { authorization } : {}),
  });
  request.on('error', () => undefined).resume();
  request.end(Buffer.alloc(5));
  await once(request, 'close');
  return session;
}

/** The beginning of a TLS handshake: the first four bytes of a record of 512. */
const halfHello = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252]);
/** The beginning of a frame of headers that announces 100 bytes. */
const halfHeaders = Buffer.concat([preface, Buffer.from([0, 0, 100, 1, 0, 0, 0, 0, 1, 0x83])]);

test.each<[string, ServerSecurity, (port: number) => Socket, Uint8Array]>([
  ['says nothing', {}, plain, Buffer.alloc(0)],
  ['begins to speak HTTP/2', {}, plain, preface],
  ['does not end the headers of its call', {}, plain, halfHeaders],
  ['says nothing to a server with TLS', { tls }, plain, Buffer.alloc(0)],
  ['does not end its handshake', { tls }, plain, halfHello],
  ['says nothing over TLS', { tls }, secured, Buffer.alloc(0)],
  ['begins to speak HTTP/2 over TLS', { tls }, secured, preface],
])('a connection that %s is closed, and a line says so', async (_, security, connection, bytes) => {
  const { port, lines } = await serve(security, { strangerSeconds: 0.3 });
  const socket = connection(port);
  socket.write(bytes);
  await closed(socket);
  expect(lines).toEqual(['refused a connection from 127.0.0.1: no call that lets it in came within 0.3 s']);
});

test('a connection that sends a byte now and then is closed as soon as a silent one', async () => {
  const { port } = await serve({}, { strangerSeconds: 0.5 });
  const socket = plain(port);
  let sent = 0;
  const sending = setInterval(() => socket.write(halfHeaders.subarray(sent, ++sent)), 20);
  await closed(socket);
  clearInterval(sending);
  expect(sent).toBeLessThan(halfHeaders.length);
});

test.each<['http' | 'https', ServerSecurity]>([
  ['http', { token }],
  ['https', { token, tls }],
])(
  'over %s, a connection stays that has made a call with the token, and one without it is closed',
  async (scheme, security) => {
    const { port } = await serve(security, { strangerSeconds: 3 });
    const [admitted, stranger] = await Promise.all([
      caller(port, scheme, `Bearer ${token}`),
      caller(port, scheme, 'Bearer another'),
    ]);
    if (!stranger.destroyed) await once(stranger, 'close');
    await sleep(500);
    expect(admitted.destroyed).toBe(false);
  },
);

test('strangers take the places of strangers, the oldest first, and never of those that were let in', async () => {
  const { port, lines } = await serve({ token }, { mostStrangers: 3 });
  const admitted = await caller(port, 'http', `Bearer ${token}`);
  const strangers: Socket[] = [];
  for (let count = 0; count < 5; count++) {
    strangers.push(plain(port));
    await once(strangers.at(-1)!, 'connect');
  }
  await Promise.all(strangers.slice(0, 2).map(closed));
  const late = await caller(port, 'http', `Bearer ${token}`);
  expect([admitted.destroyed, late.destroyed]).toEqual([false, false]);
  expect(strangers.slice(-2).map((socket) => socket.destroyed)).toEqual([false, false]);
  expect(lines).toEqual(['refused a connection from 127.0.0.1: 3 others had yet to make a call that lets them in']);
});

test('a connection beyond the most that were let in is closed, and there is room again when another has gone', async () => {
  const { port, lines } = await serve({}, { most: 2 });
  const held = [await caller(port, 'http', ''), await caller(port, 'http', '')];
  const beyond = await caller(port, 'http', '');
  if (!beyond.destroyed) await once(beyond, 'close');
  expect(lines).toEqual(['refused a connection from 127.0.0.1: 2 others are open, the most that there may be']);
  held[0]!.destroy();
  await expect.poll(async () => (await caller(port, 'http', '')).destroyed).toBe(false);
});

test('a parameter server counts bulk connections too', async () => {
  const server = await startParameterServer({ port: 0, workers: 1, version: '1' });
  cleanups.push(() => server.close());
  for (let count = 0; count < gateLimits(1).most; count++) {
    const socket = plain(server.port);
    socket.write(hello());
    // The connection is let in.
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.readUInt32LE()).toBe(frameKinds.status);
  }
  const beyond = plain(server.port);
  beyond.write(Buffer.concat([hello(), frame(frameKinds.end, new Uint8Array(0))]));
  await closed(beyond);
});

test.each([
  ['say nothing', Buffer.alloc(0)],
  ['begin to speak HTTP/2', preface],
  ['begin like bulk connections', hello().subarray(0, 8)],
  ['bring another token', hello('Bearer another')],
])('a worker joins although strangers hold all the connections that they can, which %s', async (_, bytes) => {
  const lines: string[] = [];
  const security = { token };
  const onNotice = (line: string) => lines.push(line);
  const server = await startParameterServer({ port: 0, workers: 1, version: '1', security, onNotice });
  cleanups.push(() => server.close());
  for (let count = 0; count < 150; count++) {
    const socket = plain(server.port);
    socket.resume().write(bytes);
    await once(socket, 'connect');
  }
  const place = { shard: 0, shards: 1 };
  const address = `127.0.0.1:${server.port}`;
  const worker = new ShardConnection({ address, ...place, security, callSeconds: 30, patienceSeconds: 30 });
  cleanups.push(() => worker.close());
  const caller = { worker: 0, incarnation: 1, generation: 0, lease: 0 };
  await worker.join({ caller, version: '1', workers: 1, ...place, ...writeModel(model) });
  await worker.upload({ caller, step: 0, vector: 'parameters' }, [{ offsets: [0], data: new Uint8Array(16) }]);
  expect(lines).toContainEqual(expect.stringMatching(/^refused a connection from 127\.0\.0\.1: /));
  expect(lines.length).toBeLessThan(4);
});

/** A frame of HTTP/2. */
function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.set([type, flags], 3);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

test.each([
  ['more than a stranger may make', false],
  ['each reset at once', true],
])('calls of no method that have ended before they are looked at end no server: %s', async (_, resets) => {
  const { port, close } = await startParameterServer({ port: 0, workers: 1, version: '1', security: { token } });
  cleanups.push(close);
  const place = { ':scheme': 'http', ':authority': 'localhost', ':path': '/nothing' };
  const headers = { ':method': 'POST', ...place, 'content-type': 'application/grpc' };
  const sized = (text: string) => [Buffer.of(text.length), Buffer.from(text)];
  const block = Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), ...sized(name), ...sized(value)]),
  );
  const calls = Array.from({ length: 60 }, (_, k) => [
    http2Frame(1, 5, 2 * k + 1, block),
    ...(resets ? [http2Frame(3, 0, 2 * k + 1, Buffer.of(0, 0, 0, 8))] : []),
  ]);
  const socket = plain(port);
  socket.write(Buffer.concat([preface, ...calls.flat()]));
  await closed(socket);
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const call = session.request({ ':method': 'POST', ':path': '/nothing', 'content-type': 'application/grpc' });
  const [answer] = await once(call, 'response');
  expect(answer['grpc-status']).toBe('12');
  session.destroy();
});
