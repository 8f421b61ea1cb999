/**
 * For tests: texts of many people, and of one with habits of speech, drawn from two small grammars over the same words.
 */
import { type Random, seededRandom } from '@unroll/core/decoding';

const adjectives = 'old young quiet loud small tall kind proud tired happy'.split(' ');
const nouns = 'dog cat farmer doctor child teacher sailor painter king neighbour'.split(' ');
const verbs = 'sees hears follows greets meets helps teaches paints calls likes'.split(' ');
const places = 'river garden market harbour forest kitchen tower bridge field station'.split(' ');
const openings = ['honestly', 'well', 'look', 'listen', 'anyway'];

/** `sentences` lines in a general style. One line in ten opens like talk. */
export function generalText(sentences: number, seed: number): string {
  return lines(sentences, seed, (random) => {
    const any = (words: readonly string[]) => pick(words, random);
    const opening = random() < 0.1 ? `${any(openings)} ` : '';
    const tail = random() < 0.5 ? ` near the ${any(places)}` : '';
    return `${opening}the ${any(adjectives)} ${any(nouns)} ${any(verbs)} the ${any(nouns)}${tail}`;
  });
}

/** `sentences` lines of a person who always opens the same way, and has favourites among all words. */
export function personalText(sentences: number, seed: number): string {
  return lines(sentences, seed, (random) => {
    const favourite = (words: readonly string[]) => pick(words.slice(0, random() < 0.9 ? 2 : undefined), random);
    return `honestly the ${favourite(adjectives)} ${favourite(nouns)} ${favourite(verbs)} the ${favourite(nouns)} near the ${favourite(places)}`;
  });
}

function lines(count: number, seed: number, line: (random: Random) => string): string {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => `${line(random)}\n`).join('');
}

function pick(words: readonly string[], random: Random): string {
  return words[Math.floor(random() * words.length)]!;
}
