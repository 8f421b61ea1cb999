// How many connections a server holds, and for how long it waits for their first call; over real sockets.
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
import { tuneHttp2Server } from '../http2-server.js';
import { startParameterServer } from '../index.js';
import { frame, hello } from '../testing/bulk-peer.js';
import { certify, makeAuthority } from '../testing/certificates.js';
import { type ConnectionLimits, mostConnections } from './connection-limits.js';
import { admission, type ServerSecurity, serverCredentials } from './server-security.js';

const token = 'correct-horse-battery-staple';
const folder = mkdtempSync(join(tmpdir(), 'unroll-limits-'));
afterAll(() => rmSync(folder, { recursive: true }));
makeAuthority(folder, 'authority');
const tls = certify(folder, 'server', 'authority');
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server of health, which anybody may ask for. @returns its port */
async function serve(security: ServerSecurity, limits: Partial<ConnectionLimits>): Promise<number> {
  const server = new Server();
  const defaults = { most: 1000, firstCallSeconds: 60, admits: admission(security.token), handedOver: () => 0 };
  const sockets = tuneHttp2Server(server, { limits: { ...defaults, ...limits } });
  new HealthImplementation({ '': 'SERVING' }).addToServer(server);
  cleanups.push(() => {
    for (const socket of sockets()) socket.destroy();
    server.forceShutdown();
  });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', serverCredentials(security.tls), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

function open(socket: Socket): Socket {
  cleanups.push(() => socket.destroy());
  return socket.on('error', () => undefined);
}

const plain = (port: number) => open(connect(port, '127.0.0.1'));
const secured = (port: number) =>
  open(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }));

/** A connection that has asked for the health. */
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

test.each<[string, ServerSecurity, (port: number) => Socket, Uint8Array]>([
  ['says nothing', {}, plain, Buffer.alloc(0)],
  ['begins to speak HTTP/2', {}, plain, preface],
  ['says nothing to a server with TLS', { tls }, plain, Buffer.alloc(0)],
  ['says nothing over TLS', { tls }, secured, Buffer.alloc(0)],
  ['begins to speak HTTP/2 over TLS', { tls }, secured, preface],
])('a connection that %s is closed', async (_, security, connection, bytes) => {
  const socket = connection(await serve(security, { firstCallSeconds: 0.3 }));
  socket.write(bytes);
  await once(socket.resume(), 'close');
});

test.each<['http' | 'https', ServerSecurity]>([
  ['http', { token }],
  ['https', { token, tls }],
])(
  'over %s, a connection stays that has made a call with the token, and one without it is closed',
  async (scheme, security) => {
    const port = await serve(security, { firstCallSeconds: 3 });
    const [admitted, stranger] = await Promise.all([
      caller(port, scheme, `Bearer ${token}`),
      caller(port, scheme, 'Bearer another'),
    ]);
    if (!stranger.destroyed) await once(stranger, 'close');
    await sleep(500);
    expect(admitted.destroyed).toBe(false);
  },
);

test('a connection beyond the most is closed at once, and there is room again when another has gone', async () => {
  const port = await serve({}, { most: 3, handedOver: () => 1 });
  const held = [plain(port), plain(port)];
  await Promise.all(held.map((socket) => once(socket, 'connect')));
  await once(plain(port).resume(), 'close');
  held[0]!.destroy();
  await expect.poll(async () => (await caller(port, 'http', '')).destroyed).toBe(false);
});

test('a parameter server counts bulk connections too', async () => {
  const server = await startParameterServer({ port: 0, workers: 1, version: '1' });
  cleanups.push(() => server.close());
  const most = mostConnections(1);
  for (let count = 0; count < most; count++) {
    const socket = plain(server.port);
    socket.write(hello());
    // It is let in.
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.readUInt32LE()).toBe(frameKinds.status);
  }
  const beyond = plain(server.port);
  beyond.write(Buffer.concat([hello(), frame(frameKinds.end, new Uint8Array(0))]));
  let answered = 0;
  beyond.on('data', () => answered++);
  await once(beyond, 'close');
  expect(answered).toBe(0);
});
