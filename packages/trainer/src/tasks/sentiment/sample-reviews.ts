/** Generates small reviews from a template, for tests and first tries. Their words and a negation determine the label. */
import { seededRandom } from '@unroll/core/decoding';
import type { Review } from './review.js';

const subjects = ['the film', 'the story', 'this comedy', 'the acting', 'the whole cast', 'its ending', 'the music'];
const verbs = ['is', 'seems', 'feels', 'was'];
const praise = ['moving', 'funny', 'brilliant', 'fresh', 'warm', 'clever', 'lovely', 'gripping'];
const blame = ['dull', 'tedious', 'silly', 'stale', 'cold', 'clumsy', 'awful', 'boring'];
const tails = ['', ' from start to finish', ' , as one would expect', ' to me', ' for all its length'];

const count = 600;

/** Returns the reviews; every call returns the same. */
export function sampleReviews(): Review[] {
  const random = seededRandom(7);
  const one = (words: readonly string[]) => words[Math.floor(random() * words.length)]!;
  return Array.from({ length: count }, () => {
    const isPraise = random() < 0.5;
    const isNegated = random() < 0.25;
    const adjective = one(isPraise ? praise : blame);
    const text = `${one(subjects)} ${one(verbs)} ${isNegated ? 'not ' : ''}${adjective}${one(tails)} .`;
    return { text, label: Number(isPraise !== isNegated) };
  });
}
