// `unroll node` as a scheduler starts it: the same command for every process, told apart by the environment. It runs the built
// command: build first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { smallModel, temporaryFolder, unroll, writeSmallCorpus } from '../testing/unroll-process.js';

const program = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));

function startNode(environment: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const child = spawn(process.execPath, [program, 'node', ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, stderr }));
  return { child, ended };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

test('one command under TF_CONFIG trains as unroll launch does', async () => {
  using folder = temporaryFolder();
  const data = writeSmallCorpus(join(folder.path, 'data'));
  const training = ['--data', data, ...smallModel, '--max-steps', '6'];
  const launched = join(folder.path, 'launched');
  expect(await unroll('launch', ...training, '--out', launched, '--workers', '2')).toMatchObject({ status: 0 });

  const cluster = { ps: [`127.0.0.1:${await freePort()}`], worker: ['any:1', 'any:2'] };
  const tasks = [
    { type: 'ps', index: 0 },
    { type: 'worker', index: 0 },
    { type: 'worker', index: 1 },
  ];
  const out = join(folder.path, 'out');
  const nodes = tasks.map((task) =>
    startNode({ TF_CONFIG: JSON.stringify({ cluster, task }) }, ...training, '--out', out, '--host', '127.0.0.1'),
  );
  const outcomes = await Promise.all(nodes.map(({ ended }) => ended));
  expect(outcomes.filter(({ status }) => status !== 0)).toEqual([]);
  expect(outcomes[2]!.stderr).toContain('worker 1, of 2 (TF_CONFIG)');
  for (const file of ['model.safetensors', 'optimizer.safetensors']) {
    expect(readFileSync(join(out, file)).equals(readFileSync(join(launched, file)))).toBe(true);
  }
});

test('a server that is told to end before the training has fails, so that a scheduler starts it again', async () => {
  using folder = temporaryFolder();
  const flags = ['--role', 'server', '--index', '0', '--workers', '1', '--host', '127.0.0.1'];
  const address = `127.0.0.1:${await freePort()}`;
  const out = join(folder.path, 'out');
  const node = startNode({}, ...flags, '--server-addresses', address, '--data', 'grammar', '--out', out);
  node.child.stderr.on('data', (text: string) => {
    if (/listens/.test(text)) node.child.kill('SIGTERM');
  });
  const { status, stderr } = await node.ended;
  expect(status).toBe(1);
  expect(stderr).toContain('unroll: server 0 was told to end before the training had');
});

test('where no scheduler is known, unroll node says which flags would do', async () => {
  const { status, stderr } = await unroll('node', '--data', 'grammar', '--out', 'nowhere');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^unroll: the environment names no scheduler .*add --role and --index\n$/);
});
