import { trainTokenizer } from '@unroll/core/text';
import { expect, test } from 'vitest';
import { LaneBatches } from './batches.js';
import { loadCorpus } from './corpus.js';
import { EncodedText } from './encoded-text.js';
import { encodeSplit } from './encoding.js';
import { IdFile } from './id-file.js';
import { windowsOf } from './token-ids.js';

/** Files of 3, 1, 0 and 4 tokens; a token's id is its position. */
const fingerprint = { sha256: '', tokens: 8, unknown: 0 };
const text = new EncodedText(Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7), [3, 4, 4, 8], fingerprint);
const files = [[0, 1, 2], [3], [4, 5, 6, 7]];

function orderOf(epoch: number, seed = 1): number[] {
  return [...text.shuffled(seed, epoch).slice(0, 8)];
}

test('each epoch reads whole files in an order of its own, the same for the same seed', () => {
  const orders = Array.from({ length: 50 }, (_, epoch) => orderOf(epoch));
  for (const order of orders) {
    expect(order.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const file of files) expect(order.join()).toContain(file.join());
  }
  expect(new Set(orders.map((order) => order.join())).size).toBe(6);
  expect(orderOf(7)).toEqual(orders[7]);
  expect(orderOf(7, Number.MAX_SAFE_INTEGER)).toHaveLength(8);
  expect(Array.from({ length: 50 }, (_, epoch) => orderOf(epoch, 2))).not.toEqual(orders);
});

test('a window of a shuffled text may span files', () => {
  const shuffled = text.shuffled(1, 3);
  const order = orderOf(3);
  for (let start = 0; start <= 8; start++) {
    for (let end = start; end <= 9; end++) expect([...shuffled.slice(start, end)]).toEqual(order.slice(start, end));
  }
});

test('a text of one file is read as it is in every epoch', () => {
  const one = new EncodedText(Int32Array.of(5, 6), [2], fingerprint);
  expect(one.shuffled(1, 4)).toBe(one);
});

test('a text whose ids lie in a file gives the same ids and batches as one in memory', () => {
  const { train } = loadCorpus('grammar');
  const tokenizer = trainTokenizer('word', train.texts());
  const [inMemory, inFile] = [encodeSplit(tokenizer, train), encodeSplit(tokenizer, train, 0)];
  expect(inFile.length).toBe(inMemory.length);
  expect([...windowsOf(inFile)]).toEqual([...windowsOf(inMemory)]);
  const [a, b] = [inMemory, inFile].map((ids) => new LaneBatches(ids, { lanes: 20, window: 35 }));
  for (const step of [0, 1, 300, a!.stepsPerEpoch - 1, a!.stepsPerEpoch]) {
    expect(b!.batchAt(step)).toEqual(a!.batchAt(step));
  }
});

test('a folder that cannot hold the ids is named', () => {
  expect(() => new IdFile('/nowhere/at-all')).toThrow(
    /^\/nowhere\/at-all: cannot hold the token ids of the text.*TMPDIR$/,
  );
});
