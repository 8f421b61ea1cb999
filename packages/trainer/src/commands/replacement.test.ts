// Two processes that claim one index: which of them is believed, and what happens to the other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import {
  smallModel,
  startUnroll,
  temporaryFolder,
  type UnrollProcess,
  unrollJson,
  writeSmallCorpus,
} from '../testing/unroll-process.js';

afterEach(() => void vi.unstubAllEnvs());

test('of two workers of one index the one that joined later goes on, though its clock is behind; the bits are those of one', async () => {
  using folder = temporaryFolder();
  const flags = trainingFlags(folder.path);
  const { server, address } = await startServer();
  const start = (worker: number) => startWorker([...flags, '--out', join(folder.path, 'replaced')], worker, address);
  const first = start(0);
  const older = start(1);
  await first.logged(/^epoch 1\//m);
  older.child.kill('SIGSTOP');
  vi.stubEnv('NODE_OPTIONS', `--import=data:text/javascript,${encodeURIComponent(anHourBehind)}`);
  const newer = start(1);
  vi.unstubAllEnvs();
  // Without the newer process there would be no second epoch.
  await first.logged(/^epoch 2\//m);
  older.child.kill('SIGCONT');
  expect(await older.outcome).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/worker 1 has been replaced by a process that joined later; end this one/),
  });
  for (const { outcome } of [first, newer, server]) expect(await outcome).toMatchObject({ status: 0 });
  await unrollJson('train', ...flags, '--out', join(folder.path, 'undisturbed'), '--workers', '2');
  const learnt = (out: string) => readFileSync(join(folder.path, out, 'model.safetensors'));
  expect(learnt('replaced')).toEqual(learnt('undisturbed'));
});

const anHourBehind = `
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...said) {
      super(...(said.length > 0 ? said : [Date.now()]));
    }
    static now() {
      return RealDate.now() - 3_600_000;
    }
  };
`;

function trainingFlags(folder: string): string[] {
  return ['--data', writeSmallCorpus(join(folder, 'corpus')), ...smallModel, '--epochs', '6', '--resume'];
}

async function startServer(): Promise<{ readonly server: UnrollProcess; readonly address: string }> {
  const server = startUnroll('param-server', '--port', '0', '--workers', '2');
  let said = '';
  server.child.stderr!.on('data', (text: string) => {
    said += text;
  });
  await server.logged(/listens on/);
  return { server, address: /listens on (\S+)/.exec(said)![1]! };
}

function startWorker(flags: readonly string[], worker: number, address: string): UnrollProcess {
  return startUnroll('worker', ...flags, '--worker', `${worker}`, '--workers', '2', '--server-addresses', address);
}
