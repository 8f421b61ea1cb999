/**
 * Reads a vocabulary that came with another framework's model: words in the order of their ids, one a line or as a JSON
 * list; a JSON object from words to ids; or a `tokenizer.json`.
 */
import { readFileSync } from 'node:fs';
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import { UnrollError } from '../errors.js';

/** @throws UnrollError naming the file if it is none of these, or lacks `<unk>` or the token that ends a line */
export function readVocabulary(file: string): Tokenizer {
  try {
    return loadTokenizer(tokenizerOf(readFileSync(file, 'utf8')));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UnrollError(`${file}: does not exist; give the model's vocabulary as --vocab`);
    if (code !== undefined) throw new UnrollError(`${file}: cannot be read (${code}); give a file as --vocab`);
    throw new UnrollError(`${file}: ${message}`);
  }
}

/** The contents of a `tokenizer.json` for what a vocabulary's file says. */
function tokenizerOf(text: string): unknown {
  const json = parseJson(text);
  if (json === undefined) return wordLevel(idsOf(text.replace(/\r?\n$/, '').split(/\r?\n/)));
  if (Array.isArray(json)) return wordLevel(idsOf(json.map(String)));
  return typeof json === 'object' && json !== null && 'model' in json && typeof json.model === 'object'
    ? json
    : wordLevel({ ...(json as Record<string, number>) });
}

/** Undefined where the text is a list of words: no JSON, or a word that happens to be JSON. */
function parseJson(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' ? json : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error if a word stands twice */
function idsOf(words: readonly string[]): Record<string, number> {
  const ids = new Map<string, number>();
  for (const [id, word] of words.entries()) {
    if (ids.has(word)) throw new Error(`the word ${JSON.stringify(word)} has two ids, ${ids.get(word)} and ${id}`);
    ids.set(word, id);
  }
  return Object.fromEntries(ids);
}

/** Words between white space, or characters where the line break is a token. */
function wordLevel(vocab: Readonly<Record<string, number>>): object {
  const characters = { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false };
  const pre_tokenizer = Object.hasOwn(vocab, '\n') ? characters : { type: 'WhitespaceSplit' };
  return { model: { type: 'WordLevel', vocab, unk_token: '<unk>' }, pre_tokenizer };
}
