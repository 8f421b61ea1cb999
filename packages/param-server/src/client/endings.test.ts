// A worker that a server turns away says why in one line, and its process ends: none of its waits keeps it alive. The
// worker is a process that runs the built package: build first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  type ClientSecurity,
  connectParameterServers,
  type ParameterServer,
  type ServerSecurity,
  startParameterServer,
} from '../index.js';
import { certify, certifyForYesterday, makeAuthority } from '../testing/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'unroll-endings-'));
const [authority, strangers] = [makeAuthority(folder, 'authority'), makeAuthority(folder, 'strangers')];
const tls = { authority: authority.certificate };
const token = 'correct-horse-battery-staple';
const open: AsyncDisposable[] = [];

afterAll(async () => {
  for (const each of open.reverse()) await each[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function serve(security: ServerSecurity, workers = 1): Promise<ParameterServer> {
  const server = await startParameterServer({ port: 0, workers, version: '1', security });
  open.push(server);
  return server;
}

const model = {
  parameters: [{ name: 'kernel', shape: [2] }],
  ...{ optimizer: { name: 'sgd' as const }, clipNorm: undefined, lanes: { count: 2, width: 1 }, version: '1' },
};

interface Attempt {
  readonly serverAddresses: readonly string[];
  readonly security?: ClientSecurity;
  readonly worker?: number;
  readonly run?: string;
}

/**
 * Joins the servers of each attempt, one after another, and prints why it is refused. It ends only by having nothing
 * left to do.
 */
const program = `
  import { connectParameterServers } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
  for (const attempt of ${'ATTEMPTS'}) {
    const client = connectParameterServers({
      worker: 0, workers: 1, run: 'a run', ...${JSON.stringify(model)}, ...attempt,
      start: { values: async () => ({ parameters: { kernel: new Float32Array(2) } }) },
      patienceSeconds: 1e6, callSeconds: 1e6,
    });
    await client.enter({ kernel: new Float32Array(2) }).then(
      () => console.log('let in'),
      (error) => console.log(error.message),
    );
    await client.close();
  }
`;

test('whatever a server or its certificate has against a worker, the worker’s process ends with a line', async () => {
  const nobody = createServer().listen(0, '127.0.0.1');
  await once(nobody, 'listening');
  const absent = `127.0.0.1:${(nobody.address() as { port: number }).port}`;
  nobody.close();
  const overTls = await serve({ tls: certify(folder, 'server', 'authority') });
  const ofAnotherName = await serve({ tls: authority });
  const expired = await serve({ tls: certifyForYesterday(folder, 'expired', 'authority') });
  const mutual = await serve({ tls: { ...certify(folder, 'both', 'authority'), clientAuthority: tls.authority } });
  const guarded = await serve({ token });
  const ofAnotherRun = await serve({}, 2);
  const first = connectParameterServers({
    ...{ serverAddresses: [at(ofAnotherRun)], worker: 0, workers: 2, run: 'another run', ...model },
    start: { values: async () => ({ parameters: { kernel: new Float32Array(2) } }) },
  });
  open.push(first);
  await first.enter({ kernel: new Float32Array(2) });

  const attempts: readonly (readonly [Attempt & { workers?: number }, RegExp])[] = [
    [
      { serverAddresses: [at(overTls)], security: { tls: { authority: strangers.certificate } } },
      /TLS failed \(.*certificate/,
    ],
    [{ serverAddresses: [at(ofAnotherName)], security: { tls } }, /TLS failed \(Hostname\/IP does not match/],
    [{ serverAddresses: [at(expired)], security: { tls } }, /TLS failed \(certificate has expired\)/],
    [{ serverAddresses: [at(mutual)], security: { tls } }, /TLS failed \(/],
    [{ serverAddresses: [at(guarded)], security: { tls } }, /TLS failed \(/],
    [{ serverAddresses: [at(guarded)], security: { token: `${token}s` } }, /only workers with its token/],
    [{ serverAddresses: [at(guarded)] }, /only workers with its token/],
    [{ serverAddresses: [at(ofAnotherRun)], worker: 1, workers: 2 }, /start all workers with the same configuration/],
    [{ serverAddresses: [at(ofAnotherRun)], worker: 0, workers: 1 }, /counts 1 workers, the server 2/],
    // The worker does not wait for the absent server once the other has refused it.
    [{ serverAddresses: [at(guarded), absent] }, /only workers with its token/],
    [{ serverAddresses: [absent, at(overTls)], security: { tls: { authority: strangers.certificate } } }, /TLS failed/],
  ];
  const script = program.replace('ATTEMPTS', () => JSON.stringify(attempts.map(([attempt]) => attempt)));
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [said, complaints] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const [status] = await once(child, 'close');
  expect({ status, complaints }).toEqual({ status: 0, complaints: '' });
  const lines = said.trimEnd().split('\n');
  expect(lines).toHaveLength(attempts.length);
  for (const [k, [, reason]] of attempts.entries()) expect(lines[k]).toMatch(reason);
});

function at({ port }: ParameterServer): string {
  return `localhost:${port}`;
}
