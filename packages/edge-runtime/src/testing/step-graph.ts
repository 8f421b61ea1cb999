/** A single-step language model graph with seeded random weights, for tests: what `@unroll/core` traces, by hand. */
import { float32Tensor, type OnnxGraph, type OnnxNode, type OnnxTensor, type OnnxValue } from '@unroll/core/onnx';

export interface StepGraphShape {
  readonly vocabSize: number;
  readonly embeddingSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** The output layer multiplies by the transposed embedding. */
  readonly tied?: boolean;
  readonly seed?: number;
}

/** An LSTM language model: inputs `ids`, `h.0`, `c.0`, …; outputs `logits`, `next.h.0`, `next.c.0`, …. */
export function lstmStepGraph({
  vocabSize,
  embeddingSize,
  hiddenSize,
  layers,
  tied = false,
  seed = 1,
}: StepGraphShape): OnnxGraph {
  const random = normal(seed);
  const nodes: OnnxNode[] = [];
  const states: string[] = [];
  const initializers: OnnxTensor[] = [];
  const weight = (name: string, shape: readonly number[], deviation: number) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length: count }, () => random() * deviation);
    initializers.push(float32Tensor(name, shape, values));
    return name;
  };
  const embedding = weight('embedding.embeddings', [vocabSize, embeddingSize], 0.5);
  nodes.push({ opType: 'Gather', inputs: [embedding, 'ids'], outputs: ['x.0'] });
  for (let layer = 0; layer < layers; layer++) {
    const width = layer === 0 ? embeddingSize : hiddenSize;
    const kernel = weight(`lstm.${layer}.kernel`, [width, 4 * hiddenSize], 1.5 / Math.sqrt(width));
    const recurrent = weight(`lstm.${layer}.recurrent_kernel`, [hiddenSize, 4 * hiddenSize], 1 / Math.sqrt(hiddenSize));
    const bias = weight(`lstm.${layer}.bias`, [4 * hiddenSize], 0.1);
    states.push(`h.${layer}`, `c.${layer}`);
    nodes.push(...lstmStep(layer, kernel, recurrent, bias));
  }
  const top = `x.${layers}`;
  const bias = weight('output.bias', [vocabSize], 0.1);
  nodes.push(
    tied
      ? { opType: 'Gemm', inputs: [top, embedding, bias], outputs: ['logits'], attributes: { transB: { i: 1 } } }
      : {
          opType: 'Gemm',
          inputs: [top, weight('output.kernel', [hiddenSize, vocabSize], 4 / Math.sqrt(hiddenSize)), bias],
          outputs: ['logits'],
        },
  );
  const state = (name: string): OnnxValue => ({ name, dtype: 'float32', shape: [1, hiddenSize] });
  return {
    inputs: [{ name: 'ids', dtype: 'int32', shape: [1] }, ...states.map(state)],
    outputs: [
      { name: 'logits', dtype: 'float32', shape: [1, vocabSize] },
      ...states.map((name) => state(`next.${name}`)),
    ],
    initializers,
    nodes,
  };
}

/** One LSTM step from `x.<layer>` to `x.<layer + 1>`, gates in Keras's order: input, forget, cell, output. */
function lstmStep(layer: number, kernel: string, recurrent: string, bias: string): OnnxNode[] {
  const of = (name: string) => `${name}.${layer}`;
  const next = `x.${layer + 1}`;
  return [
    { opType: 'Gemm', inputs: [of('x'), kernel, bias], outputs: [of('fromInput')] },
    { opType: 'Gemm', inputs: [of('h'), recurrent, of('fromInput')], outputs: [of('gates')] },
    {
      opType: 'Split',
      inputs: [of('gates')],
      outputs: ['i', 'f', 'g', 'o'].map(of),
      attributes: { axis: { i: 1 } },
    },
    ...['i', 'f', 'o'].map((gate) => ({ opType: 'Sigmoid', inputs: [of(gate)], outputs: [of(`${gate}.open`)] })),
    { opType: 'Tanh', inputs: [of('g')], outputs: [of('candidate')] },
    { opType: 'Mul', inputs: [of('f.open'), of('c')], outputs: [of('kept')] },
    { opType: 'Mul', inputs: [of('i.open'), of('candidate')], outputs: [of('added')] },
    { opType: 'Add', inputs: [of('kept'), of('added')], outputs: [of('next.c')] },
    { opType: 'Tanh', inputs: [of('next.c')], outputs: [of('squashed')] },
    { opType: 'Mul', inputs: [of('o.open'), of('squashed')], outputs: [of('next.h')] },
    { opType: 'Identity', inputs: [of('next.h')], outputs: [next] },
  ];
}

/** Normally distributed numbers: Box–Muller over the mulberry32 generator. */
function normal(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
