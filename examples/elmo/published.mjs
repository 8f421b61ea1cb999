// Reads sentences with an ELMo as its authors published it, from the folder with its options.json and its weights in
// HDF5, and prints how near the vectors of a word are in each two of them:
//   node examples/elmo/published.mjs FOLDER bank "he sat on the bank of the river" "she put money in the bank"
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadElmo } from '@unroll/edge-runtime';
import { exportBundle, importModel } from '@unroll/trainer';

const [folder, word, ...sentences] = process.argv.slice(2);
if (sentences.length < 2) {
  console.error('usage: node examples/elmo/published.mjs FOLDER WORD SENTENCE SENTENCE...');
  process.exit(2);
}

const work = await mkdtemp(join(tmpdir(), 'unroll-elmo-'));
const [checkpoint, out] = [join(work, 'checkpoint'), join(work, 'bundle')];
const { parameters } = await importModel({ from: 'bilm', file: folder, out: checkpoint });
console.log(`${parameters} parameters`);
const { bundle } = await exportBundle({ checkpoint, out, quantization: 'none' }); // a page loads the same folder
const elmo = await loadElmo(bundle);

/** The word's vector in a sentence, by the model's top layer. */
async function vectorOf(sentence) {
  const words = sentence.split(' ');
  const { values, shape } = await elmo.features(words);
  const [layers, count, width] = shape;
  const place = (layers - 1) * count + words.indexOf(word);
  return values.slice(place * width, (place + 1) * width);
}

const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
const vectors = [];
for (const sentence of sentences) vectors.push(await vectorOf(sentence));
for (let i = 0; i < sentences.length; i++) {
  for (let j = i + 1; j < sentences.length; j++) {
    const [a, b] = [vectors[i], vectors[j]];
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    console.log(`"${word}" in "${sentences[i]}" and in "${sentences[j]}": cosine ${cosine.toFixed(3)}`);
  }
}
await elmo.dispose();
await rm(work, { recursive: true });
