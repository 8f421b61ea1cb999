/** The expected values come from sacreBLEU 2.6's `corpus_bleu` for the same lines (`tok:13a|smooth:exp`). */
import { describe, expect, test } from 'vitest';
import { corpusBleu, tokenize13a } from './bleu.js';

const cases = [
  {
    name: 'sentences that are too short',
    hypotheses: ['Zwei junge Männer sind im Freien.', 'Ein kleines Mädchen klettert in ein Haus.'],
    references: [
      'Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.',
      'Ein kleines Mädchen klettert in ein Spielhaus aus Holz.',
    ],
    score: 36.90661985441986,
    brevityPenalty: 0.5866462195100317,
    precisions: [93.33333333333333, 69.23076923076923, 54.54545454545455, 44.44444444444444],
  },
  {
    name: 'numbers, dashes and an order without a match, which is smoothed',
    hypotheses: ["It costs $1,234.50 - a 3-day pass (half price), isn't it?"],
    references: ['It costs $1,234.50 -- a 3-day pass (full price), is it not?'],
    score: 46.25957988586644,
    brevityPenalty: 0.9459594689067654,
    precisions: [83.33333333333333, 58.8235294117647, 43.75, 26.666666666666668],
  },
  {
    name: 'lines without any 4-gram',
    hypotheses: ['the cat', 'a dog runs'],
    references: ['the cat sat', 'a dog ran off'],
    score: 0,
    brevityPenalty: 0.6703200460356393,
    precisions: [80, 66.66666666666667, 50, 0],
  },
  {
    name: 'entities, which are what they stand for',
    hypotheses: ['&quot;Yes&quot; &amp; no...'],
    references: ['"Yes" & no ...'],
    score: 100,
    brevityPenalty: 1,
    precisions: [100, 100, 100, 100],
  },
  {
    name: 'nothing',
    hypotheses: [''],
    references: ['something'],
    score: 0,
    brevityPenalty: 0,
    precisions: [0, 0, 0, 0],
  },
  {
    name: 'lines without a common word',
    hypotheses: ['a b c d e f g'],
    references: ['x y z'],
    score: 0,
    brevityPenalty: 1,
    precisions: [0, 0, 0, 0],
  },
];

describe('BLEU is that of sacreBLEU for', () => {
  test.each(cases)('$name', ({ hypotheses, references, score, brevityPenalty, precisions }) => {
    const bleu = corpusBleu(hypotheses, references);
    expect(bleu.score).toBeCloseTo(score, 10);
    expect(bleu.brevityPenalty).toBeCloseTo(brevityPenalty, 10);
    for (const [k, precision] of precisions.entries()) expect(bleu.precisions[k]).toBeCloseTo(precision, 10);
  });
});

test('13a leaves numbers whole and separates other punctuation', () => {
  const tokens = tokenize13a('In 2-3 Jahren (ca. 1,5 %) - "so" ist\'s.');
  expect(tokens.join(' ')).toBe('In 2 - 3 Jahren ( ca . 1,5 % ) - " so " ist\'s .');
});

test('translations without as many references are refused', () => {
  expect(() => corpusBleu(['a'], [])).toThrow('1 translations and 0 references');
});
