/** For tests: the golden values of a small RWKV-7 that `scripts/golden/make_rwkv7.py` computed with numpy in float64. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Values } from './onnx-runtime.js';

interface GoldenTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly scale: number;
  readonly offset: number;
}

export interface GoldenRwkv7 {
  readonly sizes: {
    readonly vocab: number;
    readonly layers: number;
    readonly width: number;
    readonly head: number;
    readonly ranks: Readonly<Record<'w' | 'a' | 'v' | 'g', number>>;
    readonly feed_forward: number;
  };
  readonly tensors: readonly GoldenTensor[];
  /** [time + 1][batch]; each token but the first is the target of the one before it. */
  readonly tokens: readonly (readonly number[])[];
  /** [time, batch, vocab] */
  readonly logits: readonly number[];
  /** For each layer the last inputs of both mixings, [batch, width], and S, [batch, heads, value, key]. */
  readonly states: readonly Readonly<Record<'att' | 'S' | 'ffn', readonly number[]>>[];
  /** The mean cross-entropy. */
  readonly loss: number;
  /** The derivative of the loss along {@link directionOf} each tensor. */
  readonly slopes: readonly number[];
}

/** @param folder the output folder of the script; default the committed file */
export function readGoldenRwkv7(folder = fileURLToPath(new URL('golden', import.meta.url))): GoldenRwkv7 {
  const [, line] = readFileSync(`${folder}/rwkv7.jsonl`, 'utf8').split('\n');
  return JSON.parse(line!) as GoldenRwkv7;
}

/** The tensors by their published names. */
export function goldenTensors({ tensors }: GoldenRwkv7): Map<string, Values> {
  return new Map(
    tensors.map(({ name, shape, scale, offset }, place) => {
      const values = Array.from({ length: sizeOf(shape) }, (_, k) =>
        Math.fround(offset + scale * Math.sin(12.9898 * (k + 1) + place)),
      );
      return [name, { shape, values }];
    }),
  );
}

/** The direction in the tensor at this place along which its slope was measured. */
export function directionOf({ tensors }: GoldenRwkv7, place: number): number[] {
  return Array.from({ length: sizeOf(tensors[place]!.shape) }, (_, k) => Math.sin(78.233 * (k + 1) + place));
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** A published tensor's name and shape in our models; matrices of linear layers are transposed. */
export function ourTensor(name: string, { shape, values }: Values): { readonly name: string } & Values {
  if (name === 'emb.weight') return { name: 'embedding.embeddings', shape, values };
  const isLinear = /^head\.weight$|\.(receptance|key|value|output)\.weight$/.test(name);
  if (!isLinear) return { name, shape: shape.filter((size) => size > 1), values };
  const [rows = 0, columns = 0] = shape;
  return {
    name: name === 'head.weight' ? 'output.kernel' : name.replace(/weight$/, 'kernel'),
    shape: [columns, rows],
    values: Array.from({ length: rows * columns }, (_, k) => values[(k % rows) * columns + Math.floor(k / rows)]!),
  };
}
