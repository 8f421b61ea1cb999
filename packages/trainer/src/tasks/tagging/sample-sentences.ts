/**
 * Generates small sentences with names of people, places and companies, for tests and first tries. Any name may be any
 * of these, and many occur only once. What a name stands for follows from the word before or after it, so a model can
 * tag every word right.
 */
import { type Random, seededRandom } from '@unroll/core/decoding';
import type { TaskSplit } from '../task.js';
import type { TaggedSentence } from './sentence.js';

type Phrase = readonly (readonly [word: string, tag: string])[];

const starts = ['yesterday', 'on Monday', 'in 1984', 'later', 'for once'];
const knownNames = ['Jordan', 'Lincoln', 'Florence', 'Austin', 'Chelsea', 'Hudson', 'Madison', 'Sydney', 'Ford'];
const syllables = ['ka', 'lor', 'min', 'dov', 'tal', 'ber', 'sto', 'ven', 'ris', 'po', 'gan', 'wel'];
const wordsAfter = {
  PER: ['smiled', 'said so', 'was elected', 'wrote a letter'],
  LOC: ['harbour was closed', 'county has 12 lakes', 'airport was empty', 'hills are green'],
  ORG: ['shares fell', 'profits rose by 4.5 %', 'staff went on strike', 'Inc. was sold'],
};
const wordsBefore = {
  PER: ['he met Mr', 'they waited for Mrs', 'she called Dr'],
  LOC: ['it rained in', 'the road leads to', 'they live near'],
  ORG: ['she works at', 'he bought bonds of', 'the court fined'],
};
const types = ['PER', 'LOC', 'ORG'] as const;

const counts: Readonly<Record<TaskSplit, number>> = { train: 1000, valid: 100, test: 200 };
const seeds: Readonly<Record<TaskSplit, number>> = { train: 1, valid: 2, test: 3 };

/** Returns the sentences of a part; every call returns the same. */
export function sampleSentences(split: TaskSplit): TaggedSentence[] {
  const random = seededRandom(seeds[split]);
  return Array.from({ length: counts[split] }, () => {
    const phrases = [...(random() < 0.3 ? [outside(one(random, starts)), outside(',')] : []), clause(random)];
    if (random() < 0.5) phrases.push(outside('and'), clause(random));
    const words = [...phrases.flat(), ['.', 'O'] as const];
    return { words: words.map(([word]) => word), tags: words.map(([, tag]) => tag) };
  });
}

function clause(random: Random): Phrase {
  const type = one(random, types);
  const kind = random();
  if (kind < 0.45) return [...named(random, type), ...outside(one(random, wordsAfter[type]))];
  if (kind < 0.9) return [...outside(one(random, wordsBefore[type])), ...named(random, type)];
  // Two places, side by side: each word after "route" begins one.
  return [...outside('trains take the route'), ...entity('LOC', [name(random)]), ...entity('LOC', [name(random)])];
}

/** A name of one to three words. */
function named(random: Random, type: string): Phrase {
  return entity(
    type,
    Array.from({ length: 1 + Math.floor(3 * random()) }, () => name(random)),
  );
}

function name(random: Random): string {
  if (random() < 0.6) return one(random, knownNames);
  const letters = Array.from({ length: 2 + Math.floor(2 * random()) }, () => one(random, syllables)).join('');
  return `${letters[0]!.toUpperCase()}${letters.slice(1)}`;
}

function entity(type: string, words: readonly string[]): Phrase {
  return words.map((word, k) => [word, `${k === 0 ? 'B' : 'I'}-${type}`]);
}

function outside(text: string): Phrase {
  return text.split(' ').map((word) => [word, 'O']);
}

function one<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)]!;
}
