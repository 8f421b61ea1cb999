// Reads a corpus as training does: counts its vocabulary, encodes it, and draws the batches of an epoch. Prints one
// JSON line for each, with its time and the process's peak memory so far.
//   node benchmarks/readers/read.mjs FOLDER
import { trainTokenizer } from '@unroll/core/text';
import { LaneBatches } from '../../packages/trainer/dist/data/batches.js';
import { loadCorpus } from '../../packages/trainer/dist/data/corpus.js';
import { encodeSplit } from '../../packages/trainer/dist/data/encoding.js';

const seed = 1;

/** Returns the result of `action`, and reports its time under `name`. */
function measured(name, describe, action) {
  const begin = performance.now();
  const result = action();
  const seconds = (performance.now() - begin) / 1000;
  const peakMegabytes = process.resourceUsage().maxRSS / 1000;
  console.log(JSON.stringify({ name, seconds, peakMegabytes, ...describe(result) }));
  return result;
}

const { train } = loadCorpus(process.argv[2]);
console.log(
  JSON.stringify({ name: 'start', peakMegabytes: process.resourceUsage().maxRSS / 1000, bytes: train.bytes }),
);
const tokenizer = measured(
  'vocabulary',
  ({ vocabSize }) => ({ words: vocabSize }),
  () => trainTokenizer('word', train.texts(), { vocabSize: 800_000 }),
);
const text = measured(
  'encoding',
  ({ length }) => ({ tokens: length }),
  () => encodeSplit(tokenizer, train),
);
measured(
  'an epoch',
  (steps) => ({ steps }),
  () => {
    const inEpoch = (epoch) => text.shuffled(seed, epoch);
    const batches = new LaneBatches(text, { lanes: 128, window: 20, inEpoch });
    for (let step = 0; step < batches.stepsPerEpoch; step++) batches.batchAt(step);
    return batches.stepsPerEpoch;
  },
);
