/**
 * Reads the vocabulary of RWKV's World models: a line `id literal length` for each token, the literal as Python writes
 * it, 'text' or b'bytes', and the length in bytes. Ids begin at 1; id 0 ends a text.
 */
import { inByteAlphabet, loadTokenizer, type Tokenizer } from '@unroll/core/text';
import { UnrollError } from '../errors.js';

/** Published embeddings have more rows than there are tokens, up to a multiple of this. */
const padding = 128;

/** Whether a text is such a vocabulary. */
export function isWorldVocabulary(text: string): boolean {
  return /^\d+ b?(['"]).*\1 \d+\r?(\n|$)/.test(text);
}

/**
 * Reads the vocabulary `text` of a model whose embedding has `rows` rows. Rows without a token are never read.
 * @param file its name, for errors
 * @throws UnrollError naming the line that is wrong, or both sizes if they do not fit
 */
export function readWorldVocabulary(text: string, file: string, rows: number): Tokenizer {
  const tokens = new Map<number, string>();
  for (const [k, line] of text
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .entries()) {
    const wrong = (what: string) => new UnrollError(`${file}, line ${k + 1}: ${what}; copy the file again`);
    const [, number, literal, length] = /^(\d+) (b?'.*'|b?".*") (\d+)$/.exec(line) ?? [];
    if (literal === undefined) throw wrong(`is ${JSON.stringify(line)}, not 'id literal length'`);
    const bytes = bytesOf(literal);
    if (bytes === undefined) throw wrong(`${literal} is no literal of Python's`);
    if (bytes.length !== Number(length)) throw wrong(`${literal} has ${bytes.length} bytes, not ${length}`);
    const id = Number(number);
    if (id === 0) throw wrong('has the id 0, which ends a text and has no literal');
    if (tokens.has(id)) throw wrong(`gives the id ${id} a second time`);
    tokens.set(id, inByteAlphabet(bytes));
  }
  const size = Math.max(...tokens.keys()) + 1;
  if (size > rows || rows - size >= padding) {
    throw new UnrollError(
      `${file}: has the ids 0 to ${size - 1}, the embedding ${rows} rows; give the vocabulary with which the model was trained`,
    );
  }
  // A space is no character of the alphabet of bytes, so that no text has these tokens.
  const unread = (id: number) => (id === 0 ? 'end of text' : `no token ${id}`);
  const vocab = Object.fromEntries(Array.from({ length: rows }, (_, id) => [tokens.get(id) ?? unread(id), id]));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
  const model = { type: 'WordPiece', vocab, continuing_subword_prefix: '', start_token: null };
  try {
    return loadTokenizer({ model, pre_tokenizer: byteLevel, decoder: { type: 'ByteLevel' } });
  } catch (error) {
    throw new UnrollError(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

const escapes: Readonly<Record<string, number>> = {
  ...{ n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11, '\\': 92, "'": 39, '"': 34 },
};

/** Returns the bytes of a literal of Python's: those of a text in UTF-8. Undefined if it is none. */
function bytesOf(literal: string): Uint8Array | undefined {
  const isBytes = literal.startsWith('b');
  const inner = literal.slice(isBytes ? 2 : 1, -1);
  const quote = literal.at(-1)!;
  const pattern = /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|[ntrabfv\\'"])|([^\\])/gsu;
  const codes: number[] = [];
  let end = 0;
  for (const match of inner.matchAll(pattern)) {
    const [whole, escaped, character] = match;
    if (match.index !== end || character === quote) return undefined;
    end += whole.length;
    if (character !== undefined) codes.push(character.codePointAt(0)!);
    else if (/^[xuU]/.test(escaped!)) codes.push(Number.parseInt(escaped!.slice(1), 16));
    else codes.push(/^[0-7]/.test(escaped!) ? Number.parseInt(escaped!, 8) : escapes[escaped!]!);
  }
  if (end !== inner.length || codes.some((code) => code > (isBytes ? 0xff : 0x10ffff))) return undefined;
  return isBytes ? Uint8Array.from(codes) : new TextEncoder().encode(String.fromCodePoint(...codes));
}
