// Admission to a server, over real sockets: TLS, client certificates, tokens.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import {
  type ClientSecurity,
  connectParameterServers,
  connectRunStatus,
  type ParameterClient,
  type ParameterServer,
  type ServerSecurity,
  startParameterServer,
} from '../index.js';
import { certify, makeAuthority } from '../testing/certificates.js';
import { heardAgain } from '../testing/heartbeats.js';

const folder = mkdtempSync(join(tmpdir(), 'unroll-security-'));
const [authority, strangers] = [makeAuthority(folder, 'authority'), makeAuthority(folder, 'strangers')];
const [serverOwn, workerOwn] = [certify(folder, 'server', 'authority'), certify(folder, 'worker', 'authority')];
const strangerOwn = certify(folder, 'stranger', 'strangers');
const token = 'correct-horse-battery-staple';
const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function serve(security: ServerSecurity, onNotice = (_: string): void => undefined): Promise<ParameterServer> {
  const run = { port: 0, workers: 1, version: '1', leaseSeconds: 1.2 };
  const server = await startParameterServer({ ...run, security, onNotice });
  open.push(server);
  return server;
}

function client({ port }: ParameterServer, security: ClientSecurity, serverTimeoutSeconds = 20): ParameterClient {
  const made = connectParameterServers({
    ...{ serverAddresses: [`127.0.0.1:${port}`], worker: 0, workers: 1, version: '1' },
    parameters: [{ name: 'kernel', shape: [2] }],
    optimizer: { name: 'sgd' },
    clipNorm: undefined,
    lanes: { count: 1, width: 1 },
    run: 'a run',
    start: { values: async () => ({ parameters: { kernel: Float32Array.of(1, 2) } }) },
    security,
    serverTimeoutSeconds,
  });
  open.push(made);
  return made;
}

/** Returns the parameters after one step of SGD. */
async function train(server: ParameterServer, security: ClientSecurity): Promise<number[]> {
  const worker = client(server, security);
  const kernel = new Float32Array(2);
  await worker.enter({ kernel });
  await worker.update({
    gradients: { kernel: Float32Array.of(1, 1) },
    learningRate: 0.5,
    laneStates: new Float32Array(1),
  });
  return [...kernel];
}

const refusal = (server: ParameterServer, security: ClientSecurity, serverTimeoutSeconds?: number) =>
  client(server, security, serverTimeoutSeconds).enter({ kernel: new Float32Array(2) });

describe('over TLS', () => {
  const security = { tls: serverOwn };

  test('a worker that knows the authority trains', async () => {
    expect(await train(await serve(security), { tls: { authority: authority.certificate } })).toEqual([0.5, 1.5]);
  });

  test('a worker that knows another authority ends at once, and reads why', async () => {
    const refused = refusal(await serve(security), { tls: { authority: strangers.certificate } });
    await expect(refused).rejects.toThrow(/127\.0\.0\.1:\d+ \(shard 0 of 1\): TLS failed \(.*certificate.*\); do the/);
  });

  test('a worker without TLS ends at once, and reads what to give', async () => {
    const lines: string[] = [];
    const server = await serve(security, (line) => lines.push(line));
    await expect(refusal(server, {}, 600)).rejects.toThrow(
      /127\.0\.0\.1:\d+ \(shard 0 of 1\): speaks TLS; give this worker the authority of its certificate, or start the server without one$/,
    );
    expect(lines).toContainEqual('refused a connection from 127.0.0.1: its TLS handshake failed');
  });

  test('a worker with TLS ends at once when its server has none', async () => {
    await expect(refusal(await serve({}), { tls: { authority: authority.certificate } })).rejects.toThrow(
      /TLS failed \(/,
    );
  });
});

describe('over mutual TLS', () => {
  const security = { tls: { ...serverOwn, clientAuthority: authority.certificate } };
  const tls = { authority: authority.certificate };

  test('a worker with a certificate of the authority trains', async () => {
    expect(await train(await serve(security), { tls: { ...tls, ...workerOwn } })).toEqual([0.5, 1.5]);
  });

  test.each([
    ['without a certificate', tls],
    ['with a certificate of another authority', { ...tls, ...strangerOwn }],
    ['without TLS', undefined],
  ])('a worker %s ends at once', async (_, theirs) => {
    const reason = theirs ? 'TLS failed (' : 'speaks TLS; give this worker the authority';
    await expect(refusal(await serve(security), theirs ? { tls: theirs } : {}, 600)).rejects.toThrow(reason);
  });
});

describe('with a token', () => {
  test('a worker that brings it trains, and its heartbeats are heard', async () => {
    const server = await startParameterServer({
      port: 0,
      workers: 2,
      version: '1',
      security: { token },
      leaseSeconds: 1.2,
    });
    open.push(server);
    const pair = [0, 1].map((worker) =>
      connectParameterServers({
        ...{ serverAddresses: [`127.0.0.1:${server.port}`], worker, workers: 2, version: '1' },
        parameters: [{ name: 'kernel', shape: [2] }],
        optimizer: { name: 'sgd' },
        clipNorm: undefined,
        lanes: { count: 2, width: 1 },
        run: 'a run',
        start: { values: async () => ({ parameters: { kernel: Float32Array.of(1, 2) } }) },
        security: { token },
      }),
    );
    open.push(...pair);
    const step = { gradients: { kernel: Float32Array.of(1, 1) }, learningRate: 0.5, laneStates: new Float32Array(1) };
    await Promise.all(pair.map((worker) => worker.enter({ kernel: new Float32Array(2) })));
    const first = pair[0]!.update(step);
    const reader = connectRunStatus([`127.0.0.1:${server.port}`], { token });
    await heardAgain(reader, 1);
    reader.close();
    await Promise.all([first, pair[1]!.update(step)]);
    expect(pair.map((worker) => worker.step)).toEqual([1, 1]);
  });

  test.each([
    ['without it', {}],
    ['with another', { token: 'correct-horse-battery-stable' }],
    ['with the beginning of it', { token: token.slice(0, -1) }],
  ])('a worker %s is refused', async (_, security) => {
    await expect(refusal(await serve({ token }), security)).rejects.toThrow(
      'the server lets in only workers with its token; give both the same token',
    );
  });

  test('anyone may ask for the health, as probes do', async () => {
    const { port } = await serve({ token });
    const Health = makeGenericClientConstructor(healthService, 'Health');
    const probe = new Health(`127.0.0.1:${port}`, credentials.createInsecure());
    const answer = await new Promise((resolve, reject) =>
      probe.check!({ service: '' }, (error: unknown, response: unknown) => (error ? reject(error) : resolve(response))),
    );
    expect(answer).toMatchObject({ status: 'SERVING' });
    probe.close();
  });
});

describe('a server that other machines can reach', () => {
  const options = { host: '0.0.0.0', port: 0, workers: 1, version: '1' };

  test('does not start without TLS and without a token', async () => {
    await expect(startParameterServer(options)).rejects.toThrow(
      '0.0.0.0 can be reached from other machines, and the server has neither TLS nor a token; give it one of them',
    );
  });

  test.each([
    ['with TLS', { security: { tls: serverOwn } }],
    ['with a token', { security: { token } }],
    ['when told that it may be insecure', { insecurePublic: true }],
  ])('starts %s', async (_, guard) => {
    await using server = await startParameterServer({ ...options, ...guard });
    expect(server.port).toBeGreaterThan(0);
  });
});

test('a key that is not the certificate’s is an error of one line', async () => {
  await expect(serve({ tls: { ...serverOwn, key: workerOwn.key } })).rejects.toThrow(/^the TLS certificate, key .*$/);
});
