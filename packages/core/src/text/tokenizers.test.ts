// Tokenizers as their users see them: learned from text, saved, loaded, and compared with Hugging Face's own library.

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer, trainTokenizer } from './index.js';

const CORPUS = 'the cat <unk> the dog\n  the dog sleeps , they say\n\nça va 🦉 très bien\n';
/** A text with words and characters that the corpus lacks. */
const UNSEEN = 'the wolf sleeps ÿ\nbien Ω 🐈\n';

const KINDS = ['word', 'char', 'bpe'] as const;

function reload(tokenizer: Tokenizer): Tokenizer {
  return loadTokenizer(JSON.parse(JSON.stringify(tokenizer)));
}

function huggingFace(tokenizer: Tokenizer): HuggingFaceTokenizer {
  return new HuggingFaceTokenizer(JSON.parse(JSON.stringify(tokenizer)), {});
}

describe.each(KINDS)('a %s tokenizer', (kind) => {
  const tokenizer = trainTokenizer(kind, CORPUS, { vocabSize: kind === 'bpe' ? 280 : undefined });

  test('restores the text it was trained on, up to white space that words do not keep', () => {
    const expected = kind === 'word' ? CORPUS.replace('\n  ', '\n') : CORPUS;
    expect(tokenizer.decode(tokenizer.encode(CORPUS))).toBe(expected);
  });

  test('is the same after being saved and loaded', () => {
    const loaded = reload(tokenizer);
    expect(loaded.kind).toBe(kind);
    expect(loaded.vocabSize).toBe(tokenizer.vocabSize);
    expect([loaded.eosId, loaded.unkId]).toEqual([tokenizer.eosId, tokenizer.unkId]);
    expect(loaded.encode(CORPUS + UNSEEN)).toEqual(tokenizer.encode(CORPUS + UNSEEN));
    expect(loaded.toJSON()).toEqual(tokenizer.toJSON());
  });

  test("gives the ids that Hugging Face's library gives from the same file", () => {
    expect(tokenizer.encode(CORPUS + UNSEEN)).toEqual(huggingFace(tokenizer).encode(CORPUS + UNSEEN).ids);
  });

  test('turns every line break, also that of an empty line, into the end-of-line id and adds none at the end', () => {
    const ends = (text: string) => tokenizer.encode(text).filter((id) => id === tokenizer.eosId).length;
    expect(ends(CORPUS)).toBe(4);
    expect(ends('the cat')).toBe(0);
    expect(tokenizer.encode('')).toEqual([]);
    expect(tokenizer.decode([])).toBe('');
  });

  test('finds a token by its id and an id by its token', () => {
    for (let id = 0; id < tokenizer.vocabSize; id++) expect(tokenizer.id(tokenizer.token(id))).toBe(id);
    expect(tokenizer.id('no such token')).toBeUndefined();
    expect(() => tokenizer.token(tokenizer.vocabSize)).toThrow(
      `token id ${tokenizer.vocabSize}: the vocabulary has ids`,
    );
  });

  test('learns the same from a text in pieces', () => {
    const pieces = CORPUS.split(/(?<=\n)/);
    expect(trainTokenizer(kind, pieces, { vocabSize: kind === 'bpe' ? 280 : undefined }).toJSON()).toEqual(
      tokenizer.toJSON(),
    );
  });
});

describe('a word tokenizer', () => {
  const tokenizer = trainTokenizer('word', CORPUS);

  test('counts as usual for the Penn Treebank files: one <eos> for each line, <unk> as written', () => {
    const tokens = tokenizer.encode('a <unk> \n the dog\n').map((id) => tokenizer.token(id));
    expect(tokens).toEqual(['<unk>', '<unk>', '<eos>', 'the', 'dog', '<eos>']);
  });

  test('gives the most frequent words the smallest ids, after <unk> and <eos>', () => {
    expect([0, 1, 2, 3].map((id) => tokenizer.token(id))).toEqual(['<unk>', '<eos>', 'the', 'dog']);
  });

  test('gives ids by first appearance when asked', () => {
    const ordered = trainTokenizer('word', 'b a a', { order: 'appearance' });
    expect([2, 3].map((id) => ordered.token(id))).toEqual(['b', 'a']);
  });

  test('keeps the most frequent words within its size, and words that are frequent enough', () => {
    expect(trainTokenizer('word', CORPUS, { vocabSize: 4 }).vocabSize).toBe(4);
    expect(trainTokenizer('word', CORPUS, { vocabSize: 4 }).id('dog')).toBe(3);
    expect(trainTokenizer('word', CORPUS, { minCount: 2 }).vocabSize).toBe(4);
  });

  test('takes a carriage return before the line break for white space', () => {
    expect(tokenizer.encode('the dog\r\nthe')).toEqual(tokenizer.encode('the dog\nthe'));
  });
});

describe('a character tokenizer', () => {
  const tokenizer = trainTokenizer('char', CORPUS);

  test('takes a code point beyond the basic plane for one character', () => {
    expect(tokenizer.encode('🦉')).toHaveLength(1);
  });

  test('ends a line with the line break itself, even if the text had none', () => {
    expect(trainTokenizer('char', 'abc').eosId).toBe(trainTokenizer('char', 'abc').id('\n'));
  });

  test('shows a character that it does not know as the replacement character', () => {
    expect(tokenizer.decode(tokenizer.encode('Ω'))).toBe('\uFFFD');
  });
});

describe('a byte-level BPE tokenizer', () => {
  test('gives back any text, whatever it was trained on', () => {
    const tokenizer = trainTokenizer('bpe', 'aaa bbb\n', { vocabSize: 260 });
    expect(tokenizer.decode(tokenizer.encode(CORPUS + UNSEEN))).toBe(CORPUS + UNSEEN);
    expect(tokenizer.unkId).toBeUndefined();
  });

  test('merges the most frequent pair first, inside words only', () => {
    const { model } = trainTokenizer('bpe', 'ab ab abab cd ab\ncd ab\n', { vocabSize: 260 }).toJSON();
    expect(model).toMatchObject({
      merges: [
        ['a', 'b'],
        ['Ġ', 'ab'],
        ['c', 'd'],
      ],
    });
  });

  test('counts a run of one byte by its pairs, and merges it from the left', () => {
    const tokenizer = trainTokenizer('bpe', 'aaaaa\naaaaa\n', { vocabSize: 258 });
    expect(tokenizer.encode('aaaaa').map((id) => tokenizer.token(id))).toEqual(['aa', 'aa', 'a']);
  });

  test('stops early when no pair is frequent enough', () => {
    expect(trainTokenizer('bpe', 'abc\n', { vocabSize: 1000 }).vocabSize).toBe(257);
    expect(trainTokenizer('bpe', 'abc\n', { vocabSize: 1000, minCount: 1 }).vocabSize).toBe(259);
  });
});

describe('spans', () => {
  const text = 'the  café\nis 🙂 the cafés ';

  /** The parts of `text` that the tokens of a tokenizer trained on `corpus` stand for. */
  function parts(kind: 'word' | 'char' | 'bpe', corpus: string, vocabSize: number): string[] {
    const tokenizer = trainTokenizer(kind, corpus, { vocabSize });
    const spans = tokenizer.spans(text);
    expect(spans).toHaveLength(tokenizer.encode(text).length);
    return spans.map(([start, end]) => text.slice(start, end));
  }

  test('of words are the words, known or not, and the line breaks', () => {
    expect(parts('word', 'the is\n', 4)).toEqual(['the', 'café', '\n', 'is', '🙂', 'the', 'cafés']);
  });

  test('of characters are the characters, each whole', () => {
    expect(parts('char', 'the\n', 5)).toEqual([...text]);
  });

  test('of byte pairs follow one another, and a token that ends within a character has the whole character', () => {
    const joined = parts('bpe', 'the the\n', 262);
    expect(joined.slice(0, 3)).toEqual(['the', ' ', ' ']);
    expect(joined.filter((part) => part === '🙂')).toHaveLength(4);
    expect(joined.filter((part, index) => part !== joined[index - 1] || /[^é🙂]/u.test(part)).join('')).toBe(text);
  });
});

describe('invalid files and options are refused in one line', () => {
  const word = JSON.parse(JSON.stringify(trainTokenizer('word', CORPUS)));
  const bpe = JSON.parse(JSON.stringify(trainTokenizer('bpe', CORPUS, { vocabSize: 260 })));
  const withVocabulary = (vocab: object) => ({ ...word, model: { ...word.model, vocab } });

  test.each([
    ['nothing', undefined, 'the file is missing'],
    ['a file without a model', {}, 'model is missing'],
    ['another model', { ...word, model: { type: 'Unigram' } }, 'model Unigram over WhitespaceSplit is not supported'],
    [
      'an id that is not an integer',
      withVocabulary({ '<unk>': 0.5 }),
      'model.vocab["<unk>"] is 0.5; ids are whole numbers from 0',
    ],
    ['an id given twice', withVocabulary({ a: 0, b: 0 }), 'model.vocab gives id 0 to "a" and to "b"'],
    ['no <eos>', withVocabulary({ '<unk>': 0 }), 'the vocabulary lacks <eos>'],
    ['merges that are missing', { ...bpe, model: { ...bpe.model, merges: undefined } }, 'model.merges is missing'],
    ['a merge of one', { ...bpe, model: { ...bpe.model, merges: [['a']] } }, 'model.merges[0] is ["a"]'],
    [
      'a merge beyond the vocabulary',
      { ...bpe, model: { ...bpe.model, merges: [['q', 'q']] } },
      'needs the token "qq"',
    ],
  ])('%s', (_name, json, message) => {
    expect(() => loadTokenizer(json)).toThrow(message);
  });

  test('a vocabulary too small for its special tokens', () => {
    expect(() => trainTokenizer('word', CORPUS, { vocabSize: 1 })).toThrow('must be at least 2');
    expect(() => trainTokenizer('bpe', CORPUS, { vocabSize: 100 })).toThrow('bpe needs at least 257');
    expect(() => trainTokenizer('char', CORPUS, { minCount: 0 })).toThrow('minimum count 0');
  });
});
