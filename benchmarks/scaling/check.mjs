// The model beside real processes: a step of PTB medium on a simulated network of Linux's namespaces, by the number of
// workers. The model gets the computing time that was measured in the same run, as the processes share the cores of one
// machine. Its links are slow on their way out only, as those of the namespaces are. Linux, as root. Build first.
//   node benchmarks/scaling/check.mjs [--workers 2,3,4] [--gigabits 1] [--steps 8]
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resultOf } from '../common.mjs';
import { codecs, measureCodec, simulate } from './model.mjs';

const { values: flags } = parseArgs({
  options: {
    workers: { type: 'string', default: '2,3,4' },
    gigabits: { type: 'string', default: '1' },
    steps: { type: 'string', default: '8' },
  },
});
const overlap = fileURLToPath(new URL('../overlap/run.mjs', import.meta.url));
const costs = measureCodec(codecs.float32);
const rows = [];
for (const workers of flags.workers.split(',').map(Number)) {
  const rate = ['--rate', `${flags.gigabits}gbit`];
  const args = [overlap, ...rate, '--steps', flags.steps, '--pairs', '1', '--workers', String(workers), '--json'];
  const [measured] = resultOf(process.execPath, args).filter(({ how }) => how === 'one-by-one');
  const link = { out: Number(flags.gigabits) * 1.25e8, in: Number.POSITIVE_INFINITY };
  const { seconds } = await simulate({ workers, servers: 1, link, costs, compute: [measured.compute] });
  const [step, predicted] = [measured.step, Math.round(seconds * 1000)];
  rows.push({ workers, 'computing, ms': measured.compute, 'step, ms': step, 'predicted, ms': predicted });
  rows.at(-1)['predicted of measured'] = `${Math.round((100 * predicted) / step)} %`;
}
console.log(`${cpus()[0].model}, ${cpus().length} processors, ${flags.gigabits} Gbit/s, float32, sync, one server`);
console.table(rows);
