// Generates a text of any size in the layout of the One Billion Word Benchmark: words drawn by Zipf's law, 25 per line,
// in training shards and two held-out shards. Its arguments determine every byte.
//   node benchmarks/readers/generate.mjs FOLDER MEGABYTES [WORDS] [SHARDS]
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '@unroll/core/decoding';

const [folder, megabytes, words = '800000', shards = '99'] = process.argv.slice(2);
const ending = 'tionsmentering';
const random = seededRandom(1);

/** Returns a distinct word for each rank, up to 17 letters long. */
function wordOf(rank) {
  let letters = '';
  for (let rest = rank; rest > 0; rest = Math.floor(rest / 26)) letters += String.fromCharCode(65 + (rest % 26));
  return letters + ending.slice(0, rank % 12);
}

const vocabulary = Array.from({ length: Number(words) }, (_, index) => wordOf(index + 1));

/** Zipf's law with exponent 1: the logarithm of the rank is uniform. */
function line() {
  let text = vocabulary[Math.floor(vocabulary.length ** random()) - 1];
  for (let i = 1; i < 25; i++) text += ` ${vocabulary[Math.floor(vocabulary.length ** random()) - 1]}`;
  return `${text}\n`;
}

function writeShard(name, bytes) {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  const file = openSync(path, 'w');
  for (let written = 0; written < bytes; ) {
    let block = '';
    while (block.length < 2 ** 20 && written + block.length < bytes) block += line();
    written += writeSync(file, block);
  }
  closeSync(file);
}

const number = (index) => String(index).padStart(5, '0');
const bytes = (Number(megabytes) * 1e6) / Number(shards);
for (let shard = 1; shard <= Number(shards); shard++) {
  writeShard(`training-monolingual.tokenized.shuffled/news.en-${number(shard)}-of-00100`, bytes);
}
for (const shard of [0, 1]) {
  writeShard(`heldout-monolingual.tokenized.shuffled/news.en.heldout-${number(shard)}-of-00050`, bytes / 50);
}
