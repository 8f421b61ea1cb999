// Another user of the machine meets a run that `unroll train` has started: its servers, its command lines and its
// files.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connectParameterServers } from '@unroll/param-server/client';
import { expect, test, vi } from 'vitest';
import { canFindProcesses, commandLine, launched, variableOf } from '../testing/launched-processes.js';
import { smallModel, startUnroll, temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';
import { version } from '../version.js';

test.skipIf(!canFindProcesses)(
  'a stranger cannot join a local run, learns no token from ps and opens no state',
  async () => {
    using folder = temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    // A launch ignores a token that the user has set.
    vi.stubEnv('UNROLL_TOKEN', 'short');
    const run = startUnroll(
      ...['train', '--data', writeSmallCorpus(at('corpus')), '--out', at('run'), ...smallModel, '--epochs', '4'],
      ...['--workers', '1', '--servers', '1', '--snapshot-every', '2'],
    );
    vi.unstubAllEnvs();
    await run.logged(/^epoch 1\//m);
    const [worker, server] = [launched(run.child, 'worker')[0]!, launched(run.child, 'param-server')[0]!];
    const token = variableOf(server, 'UNROLL_TOKEN')!;
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect([worker, server].flatMap((pid) => commandLine(pid)).join(' ')).not.toContain(token);
    const words = commandLine(worker);
    const stranger = connectParameterServers({
      ...{
        serverAddresses: [words[words.indexOf('--server-addresses') + 1]!],
        worker: 0,
        workers: 1,
        version,
      },
      ...{ parameters: [{ name: 'kernel', shape: [2] }], optimizer: { name: 'sgd' }, clipNorm: undefined },
      ...{ lanes: { count: 1, width: 1 }, run: 'a run' },
      start: { values: async () => ({ parameters: { kernel: new Float32Array(2) } }) },
    });
    await expect(stranger.enter({ kernel: new Float32Array(2) })).rejects.toThrow(
      'lets in only workers with its token',
    );
    await stranger.close();
    const [snapshot] = readdirSync(at('run.snapshots')).filter((name) => name.endsWith('.snapshot'));
    expect(permissions(at(`run.snapshots/${snapshot}`))).toBe('600');
    expect(await run.outcome).toMatchObject({ status: 0 });
    for (const name of ['training-state.json', 'optimizer.safetensors']) {
      expect(permissions(at(`run/${name}`))).toBe('600');
    }
    expect(readFileSync(at('run/training-state.json'), 'utf8')).not.toContain(token);
  },
);

function permissions(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}
