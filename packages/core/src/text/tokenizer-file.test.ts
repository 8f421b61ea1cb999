// `tokenizer.json` files from here read by other libraries, and files of others read here: the ids are the same, or the
// file is refused by the name of the setting that is not followed here.

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { describe, expect, test } from 'vitest';
import { pythonIds, pythonTokenizersMissing } from '../testing/python-tokenizers.js';
import { BYTE_ALPHABET } from './byte-level.js';
import { loadTokenizer, trainTokenizer } from './index.js';

if (pythonTokenizersMissing) console.warn(`Hugging Face's Python library skipped: ${pythonTokenizersMissing}`);

const corpus =
  'the cat <unk> the dog\n  the dog sleeps , they say\n\nça va 🦉 très bien\n春风又绿江南岸，明月何时照我还。\n';
const texts = [
  corpus,
  'the wolf sleeps ÿ\nbien Ω 🐈 x<unk>y',
  'the <eos> dog<eos> the\n<eos>',
  'the\u0085dog\uFEFFthe\u00a0dog\u3000the\tdog\r\nthe',
  '春风吹又生 the cat春风',
  "they'll 1990 ''' <|endoftext|> the<|endoftext|>dog",
  '',
  'a'.repeat(3000),
];

const word = (file: object = {}, model: object = {}) => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: null,
  decoder: null,
  ...file,
  model: {
    type: 'WordLevel',
    vocab: { '<unk>': 0, '<eos>': 1, the: 2, dog: 3, '<pad>': 4 },
    unk_token: '<unk>',
    ...model,
  },
});
const added = (id: number, content: string, flags: object = {}) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...flags,
});
const bpeTokens = ['\n', ...BYTE_ALPHABET, 'th', 'the', 'Ġthe', '<|endoftext|>'];
const bpe = (file: object = {}, model: object = {}, byteLevel: object = {}) => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [added(0, '\n'), added(260, '<|endoftext|>', { normalized: true })],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true, ...byteLevel },
  post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  ...file,
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: '',
    end_of_word_suffix: '',
    fuse_unk: false,
    byte_fallback: false,
    vocab: Object.fromEntries(bpeTokens.map((token, id) => [token, id])),
    merges: ['t h', 'th e', 'Ġ the'],
    ...model,
  },
});
const char = (file: object = {}, model: object = {}) => ({
  ...word(file, { vocab: { '<unk>': 0, '\n': 1, t: 2, h: 3, e: 4 }, ...model }),
  pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false },
});

const ours = (['word', 'char', 'bpe'] as const).map((kind) =>
  JSON.parse(JSON.stringify(trainTokenizer(kind, corpus, { vocabSize: kind === 'bpe' ? 290 : undefined }))),
);
const idsOf = (file: object, texts: readonly string[]) => texts.map((text) => loadTokenizer(file).encode(text));

// Our rule for line ends does not exist in files of others, so their texts here have one line.
const foreign = {
  'added tokens, cut out of words': word({ added_tokens: [added(0, '<unk>'), added(1, '<eos>'), added(4, '<pad>')] }),
  'an added token that the vocabulary lacks': word({ added_tokens: [added(5, 'og'), added(6, 'dogs')] }),
  'characters with added tokens': char({ added_tokens: [added(0, '<unk>'), added(5, 'the'), added(6, 'they')] }),
  "GPT-2's byte-level BPE": bpe(),
  'an added token inside words': bpe({ added_tokens: [added(0, '\n'), added(261, 'bath', { special: false })] }),
};
const lines = ['the<unk>dog dogs the<pad><eos> <pad> they', 'bathe the bath <|endoftext|>the', 'thé <unk'];

test("the ids of our files are those of Hugging Face's JavaScript library, without further arguments", () => {
  for (const file of ours) {
    const theirs = new HuggingFaceTokenizer(file, {});
    expect(texts.map((text) => theirs.encode(text).ids)).toEqual(idsOf(file, texts));
  }
});

test.skipIf(pythonTokenizersMissing)("the ids of all files are those of Hugging Face's Python library", () => {
  const [words, characters, pieces] = ours;
  const rewritten = Object.values(foreign).map((file) => loadTokenizer(file).toJSON());
  // In the byte-level pattern, U+0085 and U+FEFF are white space for only one of their libraries.
  const same = texts.filter((text) => !/[\u0085\uFEFF]/.test(text));
  const cases = [
    ...[words, characters].map((file) => ({ file, texts })),
    { file: pieces, texts: same },
    ...[...Object.values(foreign), ...rewritten].map((file) => ({ file, texts: lines })),
  ];
  expect(cases.map(({ file, texts }) => idsOf(file, texts))).toEqual(pythonIds(cases));
});

describe('settings of other files are followed', () => {
  test('spans are those of the added tokens that were cut out', () => {
    const parts = (file: object, text: string) =>
      loadTokenizer(file)
        .spans(text)
        .map(([start, end]) => text.slice(start, end));
    expect(parts(foreign['added tokens, cut out of words'], ' the<pad>dog\n<unk> ')).toEqual([
      'the',
      '<pad>',
      'dog',
      '\n',
      '<unk>',
    ]);
    expect(parts(foreign["GPT-2's byte-level BPE"], 'é the<|endoftext|>\n')).toEqual([
      'é',
      'é',
      ' the',
      '<|endoftext|>',
      '\n',
    ]);
    expect(parts(foreign['characters with added tokens'], '🦉the')).toEqual(['🦉', 'the']);
  });
});

test('a file of a model without a start token says so, and still does when it is written again', () => {
  for (const file of [bpe({}, { start_token: null }), char({}, { start_token: null })]) {
    const loaded = loadTokenizer(file);
    expect(loaded.startId).toBeUndefined();
    expect(loadTokenizer(JSON.parse(JSON.stringify(loaded))).startId).toBeUndefined();
  }
});

describe('a setting that is not followed is refused by name', () => {
  test.each<[string, object]>([
    ['normalizer', word({ normalizer: { type: 'Lowercase' } })],
    ['normalizer', char({ normalizer: { type: 'NFC' } })],
    ['normalizer', bpe({ normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKC' }] } })],
    ['truncation', word({ truncation: { max_length: 1, strategy: 'LongestFirst', stride: 0, direction: 'Right' } })],
    ['padding', word({ padding: { strategy: { Fixed: 8 } } })],
    ['post_processor', word({ post_processor: { type: 'TemplateProcessing', single: [] } })],
    ['decoder', word({ decoder: { type: 'WordPiece', prefix: '##', cleanup: true } })],
    [
      'pre_tokenizer.pattern',
      { ...char(), pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated' } },
    ],
    ['pre_tokenizer.behavior', { ...char(), pre_tokenizer: { ...char().pre_tokenizer, behavior: 'Removed' } }],
    ['added_tokens[0].lstrip', word({ added_tokens: [added(1, '<eos>', { lstrip: true })] })],
    ['added_tokens[0].single_word', bpe({ added_tokens: [added(0, '\n', { single_word: true })] })],
    ['model.unk_token', word({}, { unk_token: '[UNK]' })],
    ['pre_tokenizer.add_prefix_space', bpe({}, {}, { add_prefix_space: true })],
    ['pre_tokenizer.add_prefix_space', bpe({}, {}, { add_prefix_space: undefined })],
    ['pre_tokenizer.use_regex', bpe({}, {}, { use_regex: false })],
    ['model.dropout', bpe({}, { dropout: 0.1 })],
    ['model.byte_fallback', bpe({}, { byte_fallback: true })],
    ['model.ignore_merges', bpe({}, { ignore_merges: true })],
    ['model.continuing_subword_prefix', bpe({}, { continuing_subword_prefix: '##' })],
    ['model.end_of_word_suffix', bpe({}, { end_of_word_suffix: '</w>' })],
    ['model.something_new', bpe({}, { something_new: 1 })],
    ['something_new', word({ something_new: 1 })],
  ])('%s', (name, file) => {
    expect(() => loadTokenizer(JSON.parse(JSON.stringify(file)))).toThrow(`tokenizer.json: '${name}' is `);
  });

  test('a byte-level vocabulary without all bytes, or without the line break among the added tokens', () => {
    const vocab = Object.fromEntries(bpeTokens.map((token, id) => [token === 'Ā' ? 'xx' : token, id]));
    expect(() => loadTokenizer(bpe({}, { vocab }))).toThrow('lacks byte 0, "Ā"');
    expect(() => loadTokenizer(bpe({ added_tokens: [] }))).toThrow('the line break "\\n" is not cut out');
  });
});

describe('names of special tokens in a text', () => {
  test('only a line break ends a line: <eos> as text is an unknown word, also in training', () => {
    const tokenizer = trainTokenizer('word', 'a <eos> b x<eos>\n');
    expect(tokenizer.encode('a <eos> b\n')).toEqual([
      tokenizer.id('a'),
      tokenizer.unkId,
      tokenizer.id('b'),
      tokenizer.eosId,
    ]);
    expect(tokenizer.id('x<eos>')).toBeUndefined();
  });

  test('a file of an earlier version, which reads <eos> as the end of a line, still does', () => {
    const file = word({
      added_tokens: [added(0, '<unk>'), added(1, '<eos>')],
      normalizer: { type: 'Replace', pattern: { String: '\n' }, content: ' <eos> ' },
    });
    expect(loadTokenizer(file).encode('the <eos> dog\nthe')).toEqual([2, 1, 3, 1, 2]);
    expect(loadTokenizer(file).toJSON().normalizer).toEqual(file.normalizer);
  });
});
