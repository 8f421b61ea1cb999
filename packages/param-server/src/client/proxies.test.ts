// Proxies from the environment, as in most company networks: they must not be used to reach a server.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { connectParameterServers, connectRunStatus, startParameterServer } from '../index.js';
import { heardAgain } from '../testing/heartbeats.js';

let proxy: Server;
let heard = '';
beforeAll(async () => {
  proxy = createServer((socket) => {
    heard += '(a connection)';
    socket.on('error', () => undefined).on('data', (bytes) => (heard += bytes.toString('latin1')));
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => void proxy.close());

test.each(['grpc_proxy', 'https_proxy', 'http_proxy', 'HTTPS_PROXY', 'HTTP_PROXY', 'all_proxy'])(
  'a worker, its heartbeats and whoever asks for the state of a run ignore %s',
  async (variable) => {
    for (const name of ['no_proxy', 'NO_PROXY', 'no_grpc_proxy']) vi.stubEnv(name, undefined);
    vi.stubEnv(variable, `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const security = { token: 'correct-horse-battery-staple' };
    await using server = await startParameterServer({ port: 0, workers: 1, version: '1', security, leaseSeconds: 1.2 });
    const address = `127.0.0.1:${server.port}`;
    const kernel = Float32Array.of(1, 2);
    const worker = connectParameterServers({
      ...{ serverAddresses: [address], worker: 0, workers: 1, version: '1', security },
      parameters: [{ name: 'kernel', shape: [2] }],
      optimizer: { name: 'sgd' },
      clipNorm: undefined,
      lanes: { count: 1, width: 1 },
      run: 'a run',
      start: { values: async () => ({ parameters: { kernel } }) },
    });
    await worker.enter({ kernel: new Float32Array(2) });
    const reader = connectRunStatus([address], security);
    await heardAgain(reader, 0);
    reader.close();
    await worker.close();
    await server.done;
    expect(heard).toBe('');
  },
);
