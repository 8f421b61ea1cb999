// `unroll node` as a scheduler starts it: the same command for every process, distinguished by the environment. It runs
// the built command: build first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../testing/free-port.js';
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

const sources = ['TF_CONFIG', 'JOB_COMPLETION_INDEX', 'Slurm', 'RANK'];

/** Returns each scheduler's variables for the server and the two workers, and the additional flags it needs. */
function processesOf(source: string, port: number) {
  const [address, size] = [`127.0.0.1:${port}`, '3'];
  const ranks = ['0', '1', '2'];
  switch (source) {
    case 'TF_CONFIG': {
      const cluster = { ps: [address], worker: ['any:1', 'any:2'] };
      const tasks = [{ type: 'ps', index: 0 }, ...[0, 1].map((index) => ({ type: 'worker', index }))];
      return tasks.map((task) => ({ environment: { TF_CONFIG: JSON.stringify({ cluster, task }) }, flags: [] }));
    }
    case 'JOB_COMPLETION_INDEX': {
      const roles = [['server', '0'] as const, ['worker', '0'] as const, ['worker', '1'] as const];
      return roles.map(([role, index]) => ({
        environment: { JOB_COMPLETION_INDEX: index },
        flags: ['--role', role, '--workers', '2', '--server-addresses', address],
      }));
    }
    case 'Slurm': {
      const job = { SLURM_NTASKS: size, SLURM_JOB_NODELIST: '127.0.0.1', SLURM_TASKS_PER_NODE: size };
      return ranks.map((rank) => ({ environment: { ...job, SLURM_PROCID: rank }, flags: ['--port', `${port}`] }));
    }
    default: {
      const master = { WORLD_SIZE: size, MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${port}` };
      return ranks.map((rank) => ({ environment: { ...master, RANK: rank }, flags: [] }));
    }
  }
}

describe('one command for every process', () => {
  const root = temporaryFolder();
  const data = join(root.path, 'data');
  const training = ['--data', data, ...smallModel, '--max-steps', '6'];
  const learnt = (out: string) =>
    ['model.safetensors', 'optimizer.safetensors'].map((file) => readFileSync(join(root.path, out, file)));

  beforeAll(async () => {
    writeSmallCorpus(data);
    const launched = await unroll('launch', ...training, '--out', join(root.path, 'launched'), '--workers', '2');
    expect(launched).toMatchObject({ status: 0 });
  });
  afterAll(() => root[Symbol.dispose]());

  test.each(sources)('told apart by %s, trains as unroll launch does', async (source) => {
    const place = ['--out', join(root.path, source), '--host', '127.0.0.1'];
    const nodes = processesOf(source, await freePort()).map(({ environment, flags }) =>
      startNode(environment, ...training, ...place, ...flags),
    );
    const outcomes = await Promise.all(nodes.map(({ ended }) => ended));
    expect(outcomes.filter(({ status }) => status !== 0)).toEqual([]);
    expect(outcomes[2]!.stderr).toContain(`worker 1, of 2 (${source})`);
    expect(learnt(source)).toEqual(learnt('launched'));
  });

  test('with --local-workers one process of the job starts several workers, which train as unroll launch does', async () => {
    const place = ['--out', join(root.path, 'machine'), '--host', '127.0.0.1', '--local-workers', '2'];
    const environments = ['0', '1'].map((RANK) => ({ RANK, WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1' }));
    const port = `${await freePort()}`;
    const nodes = environments.map((each) => startNode({ ...each, MASTER_PORT: port }, ...training, ...place));
    const outcomes = await Promise.all(nodes.map(({ ended }) => ended));
    expect(outcomes.map(({ status }) => status)).toEqual([0, 0]);
    expect(outcomes[1]!.stderr).toContain('workers 0 to 1, of 2 (RANK)');
    expect(learnt('machine')).toEqual(learnt('launched'));
  });

  test('where training fails all of them fail, so that a scheduler does not count a server’s work as done', async () => {
    const place = ['--out', join(root.path, 'diverged'), '--host', '127.0.0.1', '--learning-rate', '1e30'];
    const nodes = processesOf('RANK', await freePort()).map(({ environment, flags }) =>
      startNode(environment, ...training, ...place, ...flags),
    );
    const [server, ...workers] = await Promise.all(nodes.map(({ ended }) => ended));
    expect([server, ...workers].map((outcome) => outcome?.status)).toEqual([1, 1, 1]);
    expect(server!.stderr).toMatch(/unroll: server 0: the workers left before the training had ended; .* --resume$/m);
    expect(workers.map(({ stderr }) => stderr).join()).toContain('training diverged');
  });
});

test('a server that is told to end before the training has says so, with the status of what a signal ended', async () => {
  using folder = temporaryFolder();
  const flags = ['--role', 'server', '--index', '0', '--workers', '1', '--host', '127.0.0.1'];
  const address = `127.0.0.1:${await freePort()}`;
  const out = join(folder.path, 'out');
  const node = startNode({}, ...flags, '--server-addresses', address, '--data', 'grammar', '--out', out);
  node.child.stderr.on('data', (text: string) => {
    if (/listens/.test(text)) node.child.kill('SIGTERM');
  });
  const { status, stderr } = await node.ended;
  expect(status).toBe(143);
  expect(stderr).toContain('unroll: server 0 was told to end before the training had');
});

test('a restart that no local workers can have is wrong usage', async () => {
  const { status, stderr } = await unroll('node', '--data', 'grammar', '--out', 'nowhere', '--max-restarts', '3');
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringContaining('--max-restarts: is for --local-workers'),
  });
});

test('where no scheduler is known, unroll node says which flags would do', async () => {
  const { status, stderr } = await unroll('node', '--data', 'grammar', '--out', 'nowhere');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^unroll: the environment names no scheduler .*add --role and --index\n$/);
});
