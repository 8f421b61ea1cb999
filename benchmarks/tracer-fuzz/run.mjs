/**
 * Compares the tracer with TensorFlow.js on random cases of every kernel that is lowered, and on random composite
 * functions: eager on the cpu backend, and traced and run by ONNX Runtime, values and gradients.
 *
 *     node benchmarks/tracer-fuzz/run.mjs [--cases 20000] [--seed 0] [--show refused]
 *
 * Prints every case that differs with its seed, then the counts. Ends with status 1 if one differs.
 */
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { fuzz } from '../../packages/core/dist/testing/fuzz/fuzzer.js';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '0' },
    show: { type: 'string', multiple: true, default: ['different', 'crash'] },
  },
});
await tf.setBackend('cpu');

const counts = { equal: 0, refused: 0, invalid: 0, different: 0, crash: 0 };
const kernels = new Map();
const reasons = new Map();
const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
for await (const { seed, kernel, verdict, detail } of fuzz(Number(values.seed), Number(values.cases))) {
  counts[verdict.kind]++;
  if (verdict.kind === 'equal') count(kernels, kernel);
  if (verdict.kind === 'refused') count(reasons, verdict.detail.replace(/\[.*?\]/g, '[…]'));
  if (values.show.includes(verdict.kind)) {
    console.log(`seed ${seed}, ${kernel}, ${verdict.kind}: ${verdict.detail.slice(0, 300)}\n  ${detail.slice(0, 500)}`);
  }
}

console.log(`\n${values.cases} cases from seed ${values.seed}`);
console.log(`${counts.equal} equal, ${counts.different} different, ${counts.crash} crashes of the graph or the tracer`);
console.log(`${counts.refused} refused by the tracer by name, ${counts.invalid} refused by TensorFlow.js itself\n`);
console.log('Equal cases by kernel');
for (const [kernel, cases] of [...kernels].sort()) console.log(`${String(cases).padStart(6)} ${kernel}`);
console.log('\nRefusals');
for (const [reason, cases] of [...reasons].sort()) console.log(`${String(cases).padStart(6)} ${reason}`);
process.exit(counts.different + counts.crash > 0 ? 1 : 0);
