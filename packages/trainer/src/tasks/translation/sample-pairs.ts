/** Generates small sentences in two made-up languages, for tests and first tries. Words differ, and verbs move to the end. */
import { seededRandom } from '@unroll/core/decoding';
import type { TaskSplit } from '../task.js';
import type { SentencePair } from './sentence-pair.js';

const nouns = { dog: 'hundo', cat: 'kato', child: 'infano', bird: 'birdo', man: 'viro', woman: 'virino' };
const adjectives = { small: 'eta', old: 'oljda', happy: 'gaja', white: 'blanka' };
const verbs = { sees: 'vidas', follows: 'sekvas', likes: 'amas', hears: 'audas' };

const counts: Readonly<Record<TaskSplit, number>> = { train: 1200, valid: 60, test: 60 };
const seeds: Readonly<Record<TaskSplit, number>> = { train: 1, valid: 2, test: 3 };

/** Returns the pairs of a part; every call returns the same. */
export function samplePairs(split: TaskSplit): SentencePair[] {
  const random = seededRandom(seeds[split]);
  const one = (words: Readonly<Record<string, string>>) => {
    const entries = Object.entries(words);
    return entries[Math.floor(random() * entries.length)]!;
  };
  const phrase = () => {
    const [adjective, noun] = [one(adjectives), one(nouns)];
    const isPlain = random() < 0.5;
    return isPlain ? [`the ${noun[0]}`, noun[1]] : [`the ${adjective[0]} ${noun[0]}`, `${noun[1]} ${adjective[1]}`];
  };
  return Array.from({ length: counts[split] }, (_, k) => {
    const [subject, object, verb] = [phrase(), phrase(), one(verbs)];
    return {
      source: `${subject[0]} ${verb[0]} ${object[0]} .`,
      target: `${subject[1]} ${object[1]} ${verb[1]} .`,
      place: `sample:${k + 1}`,
    };
  });
}
