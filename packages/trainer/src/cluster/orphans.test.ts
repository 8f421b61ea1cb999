// A launcher is killed while the processes that it has started are still loading. They must not outlive it, so this
// test holds up their loading forever. It runs the built command: build first.
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { canFindProcesses, commandLine, launched } from '../testing/launched-processes.js';
import { smallModel, startUnroll, temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';

const heldUp = `
  import { register } from 'node:module';
  const hooks = 'export const load = (url, context, next) => url.endsWith("/dist/cli.js") ? new Promise(() => setInterval(() => {}, 1000)) : next(url, context);';
  if (process.argv[2] === 'worker') register('data:text/javascript,' + encodeURIComponent(hooks));
`;

test.skipIf(!canFindProcesses)('workers that have not loaded yet end with a launcher that is killed', async () => {
  using folder = temporaryFolder();
  const corpus = writeSmallCorpus(join(folder.path, 'corpus'));
  vi.stubEnv('NODE_OPTIONS', `--import=data:text/javascript,${encodeURIComponent(heldUp)}`);
  const launcher = startUnroll(
    ...['train', '--data', corpus, '--out', join(folder.path, 'run'), ...smallModel, '--workers', '2'],
  );
  vi.unstubAllEnvs();
  await expect.poll(() => launched(launcher.child, 'worker').length).toBe(2);
  const children = [...launched(launcher.child, 'worker'), ...launched(launcher.child, 'param-server')];
  launcher.child.kill('SIGKILL');
  await launcher.outcome;
  const isAlive = (pid: number) => commandLine(pid).some((word) => word !== '');
  await expect.poll(() => children.filter(isAlive)).toEqual([]);
});
