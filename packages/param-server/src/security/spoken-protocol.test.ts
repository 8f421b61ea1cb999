// Servers that a worker cannot speak to: what it finds out, and what it tells its user.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ShardConnection } from '../client/shard-connection.js';
import { startParameterServer } from '../index.js';
import { protocolAt } from './spoken-protocol.js';

const { signal } = new AbortController();

/** Serves connections until it is disposed of. */
async function listen(onConnection: (socket: Socket) => void): Promise<{ port: number } & Disposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: close };
}

const at = (port: number) => protocolAt({ host: '127.0.0.1', port }, signal);

const http1 = (socket: Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');

test('a web server, another program, one that answers nothing and a parameter server are told apart', async () => {
  using web = await listen(http1);
  using other = await listen((socket) => void socket.end('220 mail.example.org ESMTP\r\n'));
  using silent = await listen(() => undefined);
  await using server = await startParameterServer({ port: 0, workers: 1, version: '1' });
  const ports = [web.port, other.port, silent.port, server.port];
  expect(await Promise.all(ports.map(at))).toEqual(['http/1', 'unknown', 'silent', 'http/2']);
  const { port } = silent;
  silent[Symbol.dispose]();
  expect(await at(port)).toBe(undefined);
});

test('a worker at a web server says so, and goes on waiting', async () => {
  using web = await listen(http1);
  const address = `127.0.0.1:${web.port}`;
  const said = new Promise<string>((onObstacle) => {
    const limits = { callSeconds: 600, patienceSeconds: 600 };
    const connection = new ShardConnection({ address, shard: 0, shards: 1, ...limits, onObstacle });
    connection.ready().catch(() => undefined);
    closing.push(connection);
  });
  expect(await said).toBe(
    `parameter server ${address} (shard 0 of 1): what answers there speaks HTTP/1 and no gRPC; is it the right address?`,
  );
  for (const connection of closing) connection.close();
});

const closing: ShardConnection[] = [];
