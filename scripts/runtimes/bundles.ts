/** The bundles that every runtime runs: each tokenizer with each quantization, of small models with random weights. */
import { initialParameters, languageModelConfig, languageModelStepGraph, personalizationGraphs } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { buildBundle, type Quantization } from '@unroll/edge-runtime';
import {
  type ModelShape,
  randomReadingGraph,
  randomStepGraph,
} from '../../packages/edge-runtime/src/testing/step-graph.js';
import { texts } from './project/probe.js';

export type Files = Map<string, Uint8Array<ArrayBuffer>>;

const kinds = ['char', 'word', 'bpe'] as const;
const quantizations = ['int8', 'int4', 'none'] as const;

const corpus = `${[...texts, ...texts, ...Array.from({ length: 150 }, (_, i) => `the then there The river word${i}`)].join('\n')}\n`;

/** The bundles that the package's own kernels run, by names such as `word-int8`. */
export async function kernelBundles(): Promise<Map<string, Files>> {
  const bundles = new Map<string, Files>();
  for (const kind of kinds) {
    for (const quantization of quantizations) {
      bundles.set(`${kind}-${quantization}`, await bundleOf(kind, quantization, randomStepGraph));
    }
  }
  return bundles;
}

/** A bundle with linear attention, which only ONNX Runtime supports. */
export function onnxRuntimeBundle(): Promise<Files> {
  return bundleOf('word', 'none', (shape) => randomReadingGraph({ ...shape, cell: 'mingru' }));
}

/** A bundle with training graphs. */
export function personalBundle(): Promise<Files> {
  const tokenizer = trainTokenizer('word', corpus);
  const config = languageModelConfig({ vocabSize: tokenizer.vocabSize, embeddingDim: 32, hiddenDim: 32 });
  return buildBundle({
    graph: languageModelStepGraph(config, initialParameters(config, { seed: 1 })),
    tokenizerJson: tokenizer.toJSON(),
    config: { ...config },
    quantization: 'int8',
    personalization: personalizationGraphs(config),
  });
}

function bundleOf(
  kind: (typeof kinds)[number],
  quantization: Quantization,
  graphOf: (shape: ModelShape) => ReturnType<typeof randomStepGraph>,
): Promise<Files> {
  const tokenizer = trainTokenizer(kind, corpus, kind === 'bpe' ? { vocabSize: 600 } : {});
  const { vocabSize } = tokenizer;
  return buildBundle({
    graph: graphOf({ vocabSize, embeddingDim: 64, hiddenDim: 96, layers: 2 }),
    tokenizerJson: tokenizer.toJSON(),
    config: { layers: 2 },
    quantization,
  });
}
