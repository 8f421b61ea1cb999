// A command whose output nobody reads any more, or that writes to a full device.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../testing/free-port.js';
import { smallModel, temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';

const program = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));
const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
const training = (out: string) => ['--data', corpus, '--out', at(out), ...smallModel, '--max-steps', '20'];

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

/**
 * `closed`: a pipe that nobody reads; `full`: a device that accepts nothing; `read`: a pipe that is read to its end.
 */
type Sink = 'closed' | 'full' | 'read';

/** Runs `unroll` with its output going to these sinks. */
async function run(args: readonly string[], sinks: { readonly stdout: Sink; readonly stderr: Sink }) {
  const stdio = [sinks.stdout, sinks.stderr].map((sink) => (sink === 'full' ? openSync('/dev/full', 'w') : 'pipe'));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', ...stdio] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    if (sinks[name] === 'closed') child[name]!.destroy();
    else child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  }
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...said };
}

test('a command that prints ends quietly, with the status that a shell gives for SIGPIPE', async () => {
  expect(await run(['--help'], { stdout: 'closed', stderr: 'read' })).toEqual({ status: 141, stdout: '', stderr: '' });
  const data = await run(['data', 'show', corpus], { stdout: 'closed', stderr: 'read' });
  expect(data).toEqual({ status: 141, stdout: '', stderr: '' });
});

describe.skipIf(!existsSync('/dev/full'))('on a full device', () => {
  test.each([[['--version']], [['data', 'show', 'grammar', '--json']]])('%s fails with a line', async (args) => {
    const { status, stderr } = await run(args, { stdout: 'full', stderr: 'read' });
    expect(stderr).toBe('unroll: stdout: its device is full; write to another file\n');
    expect(status).toBe(1);
  });

  test('a log changes nothing', async () => {
    expect(await run(['train', ...training('logged')], { stdout: 'read', stderr: 'full' })).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('logged: 20 steps'),
    });
    expect(await run(['trian'], { stdout: 'read', stderr: 'full' })).toMatchObject({ status: 2 });
  });
});

describe('a training goes on when nobody reads what it says', () => {
  const unread = { stdout: 'closed', stderr: 'closed' } as const;

  test('alone, and what generates from it ends when nobody reads on', async () => {
    expect(await run(['train', ...training('alone')], unread)).toMatchObject({ status: 0 });
    const child = spawn(
      process.execPath,
      [program, 'generate', '--checkpoint', at('alone'), '--prompt', 'the', '--max-tokens', '1000000'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await once(child, 'close')).toEqual([141, null]);
  });

  test('with a launcher', async () => {
    const cluster = ['--workers', '2', '--servers', '1'];
    expect(await run(['train', ...training('launched'), ...cluster], unread)).toMatchObject({ status: 0 });
    expect(existsSync(at('launched/model.safetensors'))).toBe(true);
  });

  test('as a server and a worker of a scheduler', async () => {
    const port = await freePort();
    const node = (role: string) => [
      ...['node', ...training('scheduled'), '--role', role, '--index', '0', '--workers', '1'],
      ...['--server-addresses', `127.0.0.1:${port}`, '--host', '127.0.0.1'],
    ];
    const ends = await Promise.all(['server', 'worker'].map((role) => run(node(role), unread)));
    expect(ends.map(({ status }) => status)).toEqual([0, 0]);
    expect(existsSync(at('scheduled/model.safetensors'))).toBe(true);
  });
});
