/** For tests: ONNX graphs of small GPT-2s and BERTs with the inputs and outputs of Hugging Face's exports. */
import {
  float32Tensor,
  int64Tensor,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from '@unroll/core/onnx';
import type { TransformerShape, TransformerWeights } from './transformer-weights.js';

/**
 * Today's `model.onnx` takes positions. The earlier merged decoder counts them, and an input says whether there is a
 * past.
 */
export type Gpt2Layout = 'model.onnx' | 'decoder_model_merged.onnx';

/** Collects nodes; each method returns the name of what it adds. */
class GraphWriter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];

  node(opType: string, inputs: string[], attributes: Record<string, OnnxAttribute> = {}, output?: string): string {
    const name = output ?? `${opType}.${this.nodes.length}`;
    this.nodes.push({ opType, inputs, outputs: [name], attributes });
    return name;
  }

  constant(...values: number[]): string {
    return this.#add((name) => int64Tensor(name, values));
  }

  scalar(value: number): string {
    return this.#add((name) => float32Tensor(name, [], [value]));
  }

  #add(tensor: (name: string) => OnnxTensor): string {
    const name = `constant.${this.initializers.length}`;
    this.initializers.push(tensor(name));
    return name;
  }
}

const batch = 'batch_size';
const time = 'sequence_length';
const both = 'past_sequence_length + sequence_length';

/**
 * BERT for masked language modelling: takes `input_ids`, `attention_mask` and `token_type_ids`, outputs logits [batch,
 * time, vocab].
 */
export function bertGraph(shape: TransformerShape, weights: TransformerWeights): OnnxGraph {
  const g = writerOf(weights);
  const length = g.node('Gather', [g.node('Shape', ['input_ids']), g.constant(1)]);
  const positions = rangeTo(g, length);
  const words = g.node('Gather', ['token', 'input_ids']);
  const placed = g.node('Add', [words, g.node('Gather', ['position', positions])]);
  let x = norm(g, g.node('Add', [placed, g.node('Gather', ['segment', 'token_type_ids'])]), 'final');
  for (let i = 0; i < shape.layers; i++) {
    const { query, key, value } = split(g, x, i, shape);
    x = norm(g, g.node('Add', [x, attend(g, shape, i, query, key, value, seen(g))]), `${i}.norm1`);
    x = norm(g, g.node('Add', [x, feedForward(g, x, i)]), `${i}.norm2`);
  }
  logits(g, x);
  const input = (name: string): OnnxValue => ({ name, dtype: 'int64', shape: [batch, time] });
  return {
    inputs: [input('input_ids'), input('attention_mask'), input('token_type_ids')],
    outputs: [{ name: 'logits', dtype: 'float32', shape: [batch, time, shape.vocabSize] }],
    nodes: g.nodes,
    initializers: g.initializers,
  };
}

/** GPT-2 with inputs `past_key_values.*` and outputs `present.*`. */
export function gpt2Graph(shape: TransformerShape, weights: TransformerWeights, layout: Gpt2Layout): OnnxGraph {
  const g = writerOf(weights);
  const merged = layout === 'decoder_model_merged.onnx';
  const length = g.node('Gather', [g.node('Shape', ['attention_mask']), g.constant(1)]);
  const everywhere = rangeTo(g, length);
  const newest = () => {
    const count = g.node('Gather', [g.node('Shape', ['input_ids']), g.constant(1)]);
    return g.node('Slice', [everywhere, g.node('Sub', [length, count]), length]);
  };
  const positions = merged ? newest() : g.node('Reshape', ['position_ids', g.constant(-1)]);
  const earlier = g.node('LessOrEqual', [everywhere, g.node('Unsqueeze', [positions, g.constant(1)])]);
  const visible = g.node('And', [earlier, seen(g)]);
  let x = g.node('Add', [g.node('Gather', ['token', 'input_ids']), g.node('Gather', ['position', positions])]);
  const inputs: OnnxValue[] = [
    { name: 'input_ids', dtype: 'int64', shape: [batch, time] },
    { name: 'attention_mask', dtype: 'int64', shape: [batch, both] },
    merged
      ? { name: 'use_cache_branch', dtype: 'bool', shape: [1] }
      : { name: 'position_ids', dtype: 'int64', shape: [batch, time] },
  ];
  const outputs: OnnxValue[] = [{ name: 'logits', dtype: 'float32', shape: [batch, time, shape.vocabSize] }];
  const joined = (name: string, values: string) => {
    const cache = (length: string) => [batch, shape.heads, length, shape.dim / shape.heads];
    inputs.push({ name: `past_key_values.${name}`, dtype: 'float32', shape: cache('past_sequence_length') });
    outputs.push({ name: `present.${name}`, dtype: 'float32', shape: cache(both) });
    const past = `past_key_values.${name}`;
    // If `use_cache_branch` says that there is no past, the graph ignores it.
    const used = merged ? g.node('Mul', [past, g.node('Cast', ['use_cache_branch'], { to: { i: 1 } })]) : past;
    return g.node('Concat', [used, values], { axis: { i: 2 } }, `present.${name}`);
  };
  for (let i = 0; i < shape.layers; i++) {
    const { query, key, value } = split(g, norm(g, x, `${i}.norm1`), i, shape);
    const [keys, values] = [joined(`${i}.key`, key), joined(`${i}.value`, value)];
    x = g.node('Add', [x, attend(g, shape, i, query, keys, values, visible)]);
    x = g.node('Add', [x, feedForward(g, norm(g, x, `${i}.norm2`), i)]);
  }
  logits(g, norm(g, x, 'final'));
  return { inputs, outputs, nodes: g.nodes, initializers: g.initializers };
}

function writerOf(weights: TransformerWeights): GraphWriter {
  const g = new GraphWriter();
  for (const [name, { rows, columns, values }] of Object.entries(weights)) {
    g.initializers.push(float32Tensor(name, rows === 1 ? [columns] : [rows, columns], values));
  }
  return g;
}

/** The integers from 0 up to, but not including, the only element of `length`, [length]. */
function rangeTo(g: GraphWriter, length: string): string {
  const ones = g.node('Expand', [g.constant(1), length]);
  return g.node('Sub', [g.node('CumSum', [ones, g.constant(0)]), g.constant(1)]);
}

/** Marks the tokens that are text: bool [batch, time]. */
function seen(g: GraphWriter): string {
  return g.node('Cast', ['attention_mask'], { to: { i: 9 } });
}

function norm(g: GraphWriter, x: string, name: string): string {
  return g.node('LayerNormalization', [x, `${name}.scale`, `${name}.bias`], { epsilon: { f: 1e-5 } });
}

function linear(g: GraphWriter, x: string, name: string): string {
  return g.node('Add', [g.node('MatMul', [x, `${name}.kernel`]), `${name}.bias`]);
}

/** Queries, keys and values, each [batch, heads, time, dim / heads]. */
function split(g: GraphWriter, x: string, i: number, { dim, heads }: TransformerShape) {
  const all = linear(g, x, `${i}.qkv`);
  const part = (which: number) => {
    const slice = g.node('Slice', [all, g.constant(which * dim), g.constant((which + 1) * dim), g.constant(2)]);
    const divided = g.node('Reshape', [slice, g.constant(0, -1, heads, dim / heads)]);
    return g.node('Transpose', [divided], { perm: { ints: [0, 2, 1, 3] } });
  };
  return { query: part(0), key: part(1), value: part(2) };
}

function attend(
  g: GraphWriter,
  { dim, heads }: TransformerShape,
  i: number,
  query: string,
  key: string,
  value: string,
  visible: string,
): string {
  const transposed = g.node('Transpose', [key], { perm: { ints: [0, 1, 3, 2] } });
  const scores = g.node('Div', [g.node('MatMul', [query, transposed]), g.scalar(Math.sqrt(dim / heads))]);
  const masked = g.node('Where', [visible, scores, g.scalar(-1e9)]);
  const mixed = g.node('MatMul', [g.node('Softmax', [masked], { axis: { i: -1 } }), value]);
  const side = g.node('Transpose', [mixed], { perm: { ints: [0, 2, 1, 3] } });
  return linear(g, g.node('Reshape', [side, g.constant(0, -1, dim)]), `${i}.out`);
}

function feedForward(g: GraphWriter, x: string, i: number): string {
  return linear(g, gelu(g, linear(g, x, `${i}.up`)), `${i}.down`);
}

function gelu(g: GraphWriter, x: string): string {
  const cube = g.node('Mul', [g.node('Mul', [x, x]), x]);
  const inner = g.node('Add', [x, g.node('Mul', [cube, g.scalar(0.044715)])]);
  const tangent = g.node('Tanh', [g.node('Mul', [inner, g.scalar(Math.sqrt(2 / Math.PI))])]);
  return g.node('Mul', [g.node('Mul', [x, g.scalar(0.5)]), g.node('Add', [tangent, g.scalar(1)])]);
}

/** Computes the graph's output, scores against the token table. */
function logits(g: GraphWriter, x: string): void {
  g.node('MatMul', [x, g.node('Transpose', ['token'], { perm: { ints: [1, 0] } })], {}, 'logits');
}
