/**
 * Reads the vocabulary of another framework's model. It is a list of words in the order of their ids, one per line or
 * as JSON; a JSON object from words to ids or from ids to words; or a `tokenizer.json`.
 */
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import { option } from '../configuration/option-names.js';
import { readTextFile } from '../data/text-file.js';
import { UnrollError } from '../errors.js';

/** The entry at id 0 of a vocabulary whose ids begin at 1, as in Keras's `Tokenizer`: padding, not a word. */
const PADDING = '<pad>';

/**
 * Reads a vocabulary.
 * @param tokenizerOf makes the tokenizer of the file's text
 * @throws UnrollError naming the file if it is none of these, or lacks `<unk>` or the token that ends a line
 */
export function readVocabulary(file: string, tokenizerOf: (text: string) => Tokenizer = tokenizerOfText): Tokenizer {
  try {
    return tokenizerOf(readTextFile(file));
  } catch (error) {
    if (error instanceof UnrollError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new UnrollError(`${file}: does not exist; give the model's vocabulary as ${option('vocab')}`);
    if (code !== undefined)
      throw new UnrollError(`${file}: cannot be read (${code}); give a file as ${option('vocab')}`);
    throw new UnrollError(`${file}: ${message.replace(/^tokenizer\.json: /, '')}`, { cause: error });
  }
}

/** Makes the tokenizer of a vocabulary in any of these forms. */
export function tokenizerOfText(text: string): Tokenizer {
  const json = parseJson(text);
  if (json === undefined) return wholeTokens(idsOfLines(text));
  if (Array.isArray(json)) return wholeTokens(idsOfList(json));
  const object = json as Record<string, unknown>;
  if (isObject(object.model)) return loadTokenizer(object);
  const inner = Object.entries(object).find(([, value]) => isObject(value))?.[0];
  if (inner !== undefined) {
    throw new Error(`holds "${inner}", which is an object itself; give the object from words to ids alone`);
  }
  return wholeTokens(fromZero(idsOfObject(object)));
}

/** Parses JSON. Returns undefined if the text is a list of words: not JSON, or a word that happens to be JSON. */
function parseJson(text: string): object | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? json : undefined;
  } catch (error) {
    if (/^\s*[[{]\s*"/.test(text)) throw new Error(`is not whole JSON (${(error as Error).message}); write it again`);
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Assigns ids to lines.
 * @throws Error naming the line that is not a word
 */
function idsOfLines(text: string): Ids {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  for (const [k, line] of lines.entries()) {
    if (line === '') throw new Error(`line ${k + 1} is empty; remove it, or give the words as a JSON list`);
    const tab = line.indexOf('\t');
    if (tab !== -1) {
      const word = JSON.stringify(line.slice(0, tab));
      throw new Error(`line ${k + 1} has more than a word, ${JSON.stringify(line)}; leave only ${word}`);
    }
  }
  return idsOf(lines, (id) => `line ${id + 1}`);
}

/**
 * Assigns ids to the entries of a list.
 * @throws Error naming the entry that is not a string
 */
function idsOfList(entries: readonly unknown[]): Ids {
  const foreign = entries.findIndex((entry) => typeof entry !== 'string');
  if (foreign !== -1) {
    throw new Error(`entry ${foreign} of the list is ${JSON.stringify(entries[foreign])}; every entry is a string`);
  }
  return idsOf(entries as readonly string[], (id) => `entry ${id}`);
}

/** Returns the ids by word; inverts the object if its values are the words. */
function idsOfObject(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(object);
  const isInverse = entries.every(([key, value]) => /^\d+$/.test(key) && typeof value === 'string');
  if (!isInverse) return { ...object };
  const words = entries.toSorted(([a], [b]) => Number(a) - Number(b));
  const ids = idsOf(
    words.map(([, word]) => String(word)),
    (place) => `id ${words[place]![0]}`,
  );
  return Object.fromEntries(Object.keys(ids).map((word, place) => [word, Number(words[place]![0])]));
}

type Ids = Record<string, number>;

/**
 * Assigns ids to words.
 * @throws Error if a word occurs twice, or contains white space, so that it can occur in no text
 */
function idsOf(words: readonly string[], place: (id: number) => string): Ids {
  const ids = new Map<string, number>();
  const areCharacters = words.includes('\n');
  for (const [id, word] of words.entries()) {
    if (ids.has(word)) {
      throw new Error(`the word ${JSON.stringify(word)} has two ids, ${ids.get(word)} and ${id}; remove one`);
    }
    if (!areCharacters && /\s/.test(word)) {
      throw new Error(`${place(id)}, ${JSON.stringify(word)}, has white space, which separates words; take it out`);
    }
    ids.set(word, id);
  }
  return Object.fromEntries(ids);
}

/** Adds padding at id 0 if the ids run from 1 to the number of words. */
function fromZero(ids: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const values = new Set(Object.values(ids));
  const fromOne = values.size > 0 && Array.from({ length: values.size }, (_, k) => k + 1).every((id) => values.has(id));
  return fromOne && !Object.hasOwn(ids, PADDING) ? { [PADDING]: 0, ...ids } : ids;
}

/** Builds a tokenizer of words between white space, or of characters if the line break is a token. */
function wholeTokens(vocab: Readonly<Record<string, unknown>>): Tokenizer {
  const model = { type: 'WordLevel', vocab, unk_token: '<unk>' };
  if (!Object.hasOwn(vocab, '\n')) return loadTokenizer({ model, pre_tokenizer: { type: 'WhitespaceSplit' } });
  const pre_tokenizer = { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false };
  // In a vocabulary of characters, padding is an added token.
  const added_tokens = vocab[PADDING] === 0 ? [{ id: 0, content: PADDING }] : [];
  return loadTokenizer({ model, pre_tokenizer, added_tokens });
}
