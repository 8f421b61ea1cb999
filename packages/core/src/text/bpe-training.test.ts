// Compares the merges with those of the textbook algorithm, which recounts all pairs after each merge; and tests long
// words.

import { expect, test } from 'vitest';
import { seededRandom } from '../random/seeded-random.js';
import { byteLevelWords } from './byte-level.js';
import { tokenizerTraining, trainTokenizer } from './training.js';

/** Sennrich et al. (2016), algorithm 1. Of equally frequent pairs, the one with the older tokens comes first. */
function naiveMerges(text: string, merges: number, tokens: string[]): [string, string][] {
  let words = text.split('\n').flatMap((line) => byteLevelWords(line).map((word) => [...word]));
  return Array.from({ length: merges }, () => {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let k = 1; k < word.length; k++) {
        const pair = `${word[k - 1]} ${word[k]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const ages = (pair: string) => pair.split(' ').map((token) => tokens.indexOf(token));
    const [best] = [...counts].toSorted(([a, countOfA], [b, countOfB]) => {
      const [[leftOfA, rightOfA], [leftOfB, rightOfB]] = [ages(a), ages(b)];
      return countOfB - countOfA || leftOfA! - leftOfB! || rightOfA! - rightOfB!;
    });
    const [left, right] = best![0].split(' ') as [string, string];
    tokens.push(left + right);
    words = words.map((word) => {
      const joined: string[] = [];
      for (let k = 0; k < word.length; k++) {
        if (word[k] === left && word[k + 1] === right) joined.push(left + word[++k]!);
        else joined.push(word[k]!);
      }
      return joined;
    });
    return [left, right];
  });
}

test.each([
  ['letters that repeat', 'aab', 12, 28],
  ['DNA', 'ACGT', 60, 60],
  ['words of one letter', 'a', 50, 8],
  ['Chinese', '春风雨花月', 15, 40],
])('the merges of %s are those of the textbook', (_, alphabet, longest, merges) => {
  const random = seededRandom(11);
  const letters = [...alphabet];
  const word = () =>
    Array.from({ length: 1 + Math.floor(random() * longest) }, () => letters[Math.floor(random() * letters.length)]);
  const text = Array.from({ length: 60 }, (_, k) => word().join('') + (k % 7 === 6 ? '\n' : ' ')).join('');
  const tokenizer = trainTokenizer('bpe', text, { vocabSize: 257 + merges });
  const bytes = Array.from({ length: 257 }, (_, id) => tokenizer.token(id));
  const { merges: learned } = tokenizer.toJSON().model as unknown as { merges: [string, string][] };
  expect(learned).toHaveLength(merges);
  expect(learned).toEqual(naiveMerges(text, merges, bytes));
});

test('a word of 200 kB is learned in as many steps as it has merges', () => {
  const random = seededRandom(3);
  const dna = Array.from({ length: 200_000 }, () => 'ACGT'[Math.floor(random() * 4)]).join('');
  const stages = new Map<string, number>();
  for (const { stage } of tokenizerTraining('bpe', dna, { vocabSize: 1257 })) {
    stages.set(stage, (stages.get(stage) ?? 0) + 1);
  }
  expect(Object.fromEntries(stages)).toEqual({ counting: 1, merging: 1000 });
});
