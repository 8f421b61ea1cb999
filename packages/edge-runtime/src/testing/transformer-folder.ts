/** For tests: folders of small GPT-2s and BERTs, by file name, as Hugging Face's tools write them. */

import { encodeOnnx, type OnnxGraph } from '@unroll/core/onnx';
import { trainTokenizer } from '@unroll/core/text';
import type { TransformerShape } from './transformer-weights.js';

const endOfText = '<|endoftext|>';
const text = 'the river runs to the sea and the sea runs to the river\n'.repeat(4);

/** GPT-2's tokenizer with few merges, and the end-of-text token last. */
export function gpt2TokenizerJson() {
  const trained = trainTokenizer('bpe', text, { vocabSize: 280 }).toJSON();
  const { vocab, ...model } = trained.model as { vocab: Record<string, number> };
  const id = Object.keys(vocab).length;
  const added = { id, content: endOfText, single_word: false, lstrip: false, rstrip: false, normalized: false };
  return {
    ...trained,
    added_tokens: [{ ...added, special: true }],
    model: { ...model, vocab: { ...vocab, [endOfText]: id } },
  };
}

const wordPieces = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'un',
  '##roll',
  '##ed',
  'the',
  'cell',
  '##s',
  '!',
  'e',
];

/** BERT's tokenizer with few word pieces, for lower-case text. */
export function bertTokenizerJson() {
  const special = wordPieces.slice(0, 5).map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return {
    version: '1.0',
    added_tokens: special,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(wordPieces.map((token, id) => [token, id])),
    },
  };
}

/** The `config.json` of a shape, in which GPT-2 and BERT name sizes differently. */
export function configOf({
  kind,
  vocabSize,
  positions,
  dim,
  heads,
  layers,
}: TransformerShape): Record<string, unknown> {
  return kind === 'gpt2'
    ? {
        model_type: kind,
        vocab_size: vocabSize,
        n_positions: positions,
        n_embd: dim,
        n_head: heads,
        n_layer: layers,
        bos_token_id: vocabSize - 1,
        eos_token_id: vocabSize - 1,
      }
    : {
        model_type: kind,
        vocab_size: vocabSize,
        max_position_embeddings: positions,
        hidden_size: dim,
        num_attention_heads: heads,
        num_hidden_layers: layers,
      };
}

/** The files of a model, with its graph under the name `file`. */
export function transformerFiles(
  graph: OnnxGraph,
  { config, tokenizerJson, file = 'model.onnx' }: { config: object; tokenizerJson: object; file?: string },
): Map<string, Uint8Array<ArrayBuffer>> {
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  return new Map([
    ['config.json', json(config)],
    ['tokenizer.json', json(tokenizerJson)],
    [file, new Uint8Array(encodeOnnx(graph))],
  ]);
}
