// Errors for folders that do not hold a model of the requested kind.
import type { OnnxGraph } from '@unroll/core/onnx';
import { describe, expect, test } from 'vitest';
import type { BundleErrorCode } from '../errors.js';
import { type Answer, folderOf, serverBy } from '../testing/sample-bundle.js';
import { bertTokenizerJson, configOf, gpt2TokenizerJson, transformerFiles } from '../testing/transformer-folder.js';
import { bertGraph } from '../testing/transformer-graph.js';
import { randomWeights, type TransformerShape } from '../testing/transformer-weights.js';
import { loadBert } from './bert.js';
import { loadGpt2 } from './gpt2.js';

const shape: TransformerShape = { kind: 'bert', vocabSize: 13, positions: 8, dim: 4, heads: 2, layers: 1 };
const graph = bertGraph(shape, randomWeights(shape));
const config = configOf(shape);
const gpt2Config = configOf({ ...shape, kind: 'gpt2', vocabSize: 300 });
const tokenizerJson = bertTokenizerJson();
const whole = () => transformerFiles(graph, { config, tokenizerJson });

/** The same graph with its scores in half precision. */
const halfGraph: OnnxGraph = {
  ...graph,
  outputs: graph.outputs.map((output) => ({ ...output, dtype: 'float16' })),
  nodes: [
    ...graph.nodes.map((node) => (node.outputs.includes('logits') ? { ...node, outputs: ['scores'] } : node)),
    { opType: 'Cast', inputs: ['scores'], outputs: ['logits'], attributes: { to: { i: 10 } } },
  ],
};

type Load = (path: string) => Promise<unknown>;
type Case = [what: string, files: Map<string, Uint8Array>, load: Load, code: BundleErrorCode, message: RegExp];

const without = (name: string) => new Map([...whole()].filter(([file]) => file !== name));

/** Settings that would give other ids or missing spans, or never end. */
const otherTokenizers: Record<string, { json: object; load: Load; message: RegExp }> = {
  'a prefix space': {
    json: { ...gpt2TokenizerJson(), pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true } },
    load: loadGpt2,
    message: /cannot be used \('pre_tokenizer\.add_prefix_space' is true; this setting is not followed/,
  },
  "BERT's pieces, for GPT-2": { json: bertTokenizerJson(), load: loadGpt2, message: /'normalizer' is \{"type":"Bert/ },
  'a Unigram model': {
    json: { ...bertTokenizerJson(), model: { type: 'Unigram', unk_id: 0, vocab: [['<unk>', 0]] } },
    load: loadBert,
    message: /'model\.type' is "Unigram"/,
  },
  'a pattern that backtracks without end': {
    json: { ...bertTokenizerJson(), normalizer: { type: 'Replace', pattern: { Regex: '(a+)+$' }, content: '' } },
    load: loadBert,
    message: /'normalizer' is \{"type":"Replace"/,
  },
  'a pattern of its own between words': {
    json: { ...gpt2TokenizerJson(), pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' } } },
    load: loadGpt2,
    message: /'pre_tokenizer\.add_prefix_space' is missing|'pre_tokenizer\.type' is "Split"/,
  },
  'a template that is not BERT’s': {
    json: { ...bertTokenizerJson(), post_processor: { type: 'TemplateProcessing', single: [] } },
    load: loadBert,
    message: /'post_processor' is /,
  },
  truncation: {
    json: { ...bertTokenizerJson(), truncation: { max_length: 8 } },
    load: loadBert,
    message: /'truncation'/,
  },
};

describe('a folder', () => {
  test.each<Case>([
    ['without a configuration', without('config.json'), loadBert, 'file-missing', /config\.json: not found/],
    ['without a graph', without('model.onnx'), loadBert, 'file-missing', /has none of onnx\/model\.onnx, .*'file'$/],
    ['of BERT, loaded as GPT-2', whole(), loadGpt2, 'manifest-invalid', /'model_type' is 'bert', not 'gpt2'/],
    [
      'whose graph has no cache',
      transformerFiles(graph, { config: gpt2Config, tokenizerJson: gpt2TokenizerJson() }),
      loadGpt2,
      'model-invalid',
      /no input 'past_key_values\.0\.key'; export it for 'text-generation-with-past'$/,
    ],
    [
      'whose configuration lacks a size',
      transformerFiles(graph, { config: { ...config, max_position_embeddings: null }, tokenizerJson }),
      loadBert,
      'manifest-invalid',
      /'max_position_embeddings' is not a whole number/,
    ],
    [
      "with another model's tokenizer",
      transformerFiles(graph, { config: { ...config, vocab_size: 12 }, tokenizerJson }),
      loadBert,
      'tokenizer-invalid',
      /13 tokens, the model has 12; copy both from one model$/,
    ],
    [
      'whose tokenizer is not one',
      transformerFiles(graph, { config, tokenizerJson: { model: { type: 'none' } } }),
      loadBert,
      'tokenizer-invalid',
      /tokenizer\.json: cannot be used/,
    ],
    ...Object.entries(otherTokenizers).map(
      ([name, { json, load, message }]): Case => [
        `whose tokenizer has ${name}`,
        transformerFiles(graph, { config: load === loadBert ? config : gpt2Config, tokenizerJson: json }),
        load,
        'tokenizer-invalid',
        message,
      ],
    ),
    [
      'whose graph is in float16',
      transformerFiles(halfGraph, { config, tokenizerJson }),
      loadBert,
      'model-invalid',
      /'logits' is float16; use the float32 file or an 8-bit one$/,
    ],
    [
      'whose graph is damaged',
      new Map([...whole(), ['model.onnx', new Uint8Array(8)]]),
      loadBert,
      'model-invalid',
      /model\.onnx: ONNX Runtime refuses it/,
    ],
  ])('%s is refused with one line', async (_, files, load, code, message) => {
    await using folder = await folderOf(files);
    const error = await load(folder.path).catch((error: unknown) => error);
    expect(error).toMatchObject({ name: 'BundleError', code, message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('\n');
  });
});

test('a file that goes on beyond measure is not read to its end', async () => {
  await using server = await serverBy(() => ({ body: new Uint8Array(2 ** 24 + 1) }));
  await expect(loadBert(server.url)).rejects.toMatchObject({
    code: 'file-altered',
    message: expect.stringMatching(/config\.json: longer than the 16777216 bytes that it should have$/),
  });
});

const errorXml = '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>';

describe.each<[string, Answer]>([
  ['403, as object stores do', { status: 403, body: errorXml }],
  [
    'with a page of status 200, as single-page apps do',
    { headers: { 'content-type': 'text/html' }, body: '<!doctype html>' },
  ],
  ['404', { status: 404 }],
])('a server that answers for what is not there %s', (_, absent) => {
  test('is asked for the graph by the next name, the query behind it; a mistyped address is called that', async () => {
    const requested: string[] = [];
    await using server = await serverBy(({ pathname, search }) => {
      requested.push(`${pathname}${search}`);
      const body = whole().get(pathname.replace('/bert/', ''));
      return body ? { body } : absent;
    });
    const model = await loadBert(`${server.url}bert?signature=1`);
    await model.dispose();
    expect(requested).toEqual(
      ['config.json', 'tokenizer.json', 'onnx/model.onnx', 'model.onnx'].map((file) => `/bert/${file}?signature=1`),
    );
    await expect(loadBert(`${server.url}brt/?signature=1`)).rejects.toMatchObject({
      code: 'file-missing',
      message: expect.stringMatching(/\/brt\/config\.json: .*address/),
    });
  });
});
