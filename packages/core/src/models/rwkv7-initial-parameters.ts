/**
 * The published initialisation of RWKV-7: Peng et al. (2025), arXiv:2503.14456, appendix E, with the values of the
 * authors' training code. A parameter's random values depend only on the seed and its own name and shape.
 */
import type { Shapes } from '../tensors/shapes.js';
import { elementCount } from '../tensors/shapes.js';
import type { Rwkv7Config } from './rwkv7-config.js';

/** Numbers in [0, 1). */
type Random = () => number;
type Vector = Float32Array<ArrayBuffer>;

/**
 * Draws the parameters.
 * @param shapes those of the whole language model
 * @param randomOf the random numbers for a parameter
 */
export function initialRwkv7Parameters(
  config: Rwkv7Config,
  shapes: Shapes,
  randomOf: (name: string) => Random,
): Record<string, Vector> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, initialValue(config, name, shape, randomOf(name))]),
  );
}

function initialValue(config: Rwkv7Config, name: string, shape: readonly number[], random: Random): Vector {
  const [, blockText, part = '', ...rest] = name.split('.');
  if (name === 'embedding.embeddings') return filled(shape, () => 1e-4 * (2 * random() - 1));
  if (/^output\..*bias$/.test(name)) return filled(shape, () => 0);
  if (/^output\./.test(name)) {
    const [input = 1, output = 1] = shape;
    return orthogonal(shape, 0.5 * Math.sqrt(Math.max(1, output / input)), random);
  }
  if (/\.ln_x\.weight$/.test(name)) return filled(shape, () => ((1 + Number(blockText)) / config.layers) ** 0.7);
  if (/(^|\.)ln\w+\.(weight|bias)$/.test(name)) return filled(shape, () => Number(name.endsWith('weight')));
  return blockValue(config, { layer: Number(blockText), name: `${part}.${rest.join('.')}` }, shape, random);
}

function blockValue(
  { hiddenDim: width, layers, headSize }: Rwkv7Config,
  { layer, name }: { readonly layer: number; readonly name: string },
  shape: readonly number[],
  random: Random,
): Vector {
  const depth = layers === 1 ? 0 : layer / (layers - 1); // 0 in the first block, 1 in the last
  const height = 1 - layer / layers; // 1 in the first block, almost 0 in the last
  const shift = (power: number) => filled(shape, (k) => 1 - (k / width) ** power);
  const linear = (k: number) => k / Math.max(1, width - 1) - 0.5;
  const zigzag = (k: number) => {
    const middle = (headSize - 1) / 2;
    const place = middle === 0 ? 0 : ((k % headSize) - middle) / middle;
    return place * Math.abs(place);
  };
  switch (name) {
    case 'att.x_r':
    case 'att.x_g':
      return shift(0.2 * height);
    case 'att.x_w':
    case 'att.x_a':
      return shift(0.9 * height);
    case 'att.x_k':
    case 'att.x_v':
      return shift(0.7 * height);
    case 'ffn.x_k':
      return shift(height ** 4);
    case 'att.w0':
      return filled(shape, (k) => -5.5 + 6 * (k / Math.max(1, width - 1)) ** (1 + depth ** 0.3) + 2.5 * zigzag(k));
    case 'att.a0':
      return filled(shape, (k) => -0.19 + 0.3 * zigzag(k) + 0.4 * linear(k));
    case 'att.v0':
      return filled(shape, (k) => 0.73 - 0.4 * linear(k));
    case 'att.k_k':
      return filled(shape, (k) => 0.71 - 0.1 * linear(k));
    case 'att.k_a':
      return filled(shape, () => 1.02);
    case 'att.r_k':
      return filled(shape, () => -0.04);
    case 'att.w2':
    case 'att.a2':
    case 'att.v2':
    case 'att.g2':
      return orthogonal(shape, 0.1 * Math.max(1, Math.sqrt(shape[0]! / shape[1]!)), random);
    case 'att.receptance.kernel':
    case 'att.value.kernel':
    case 'ffn.key.kernel':
      return orthogonal(shape, 1, random);
    case 'att.key.kernel':
      return orthogonal(shape, 0.1, random);
    default: // w1, a1, v1, g1, and the outputs of both mixings
      return filled(shape, () => 0);
  }
}

function filled(shape: readonly number[], value: (index: number) => number): Vector {
  return Float32Array.from({ length: elementCount(shape) }, (_, k) => value(k));
}

/** Draws a matrix whose shorter side is orthogonal with the norm `gain`: normal numbers, made orthogonal one by one. */
function orthogonal([rows = 0, columns = 0]: readonly number[], gain: number, random: Random): Vector {
  const [count, length] = rows < columns ? [rows, columns] : [columns, rows];
  const basis: Float64Array[] = [];
  for (let k = 0; k < count; k++) {
    const vector = Float64Array.from({ length }, () => normal(random));
    // Twice, as rounding errors of the first time are as large as those of the vectors themselves.
    for (let round = 0; round < 2; round++) {
      for (const other of basis) subtract(vector, other, dot(vector, other));
    }
    const norm = Math.sqrt(dot(vector, vector));
    basis.push(vector.map((value) => value / norm));
  }
  const at = (row: number, column: number) => (rows < columns ? basis[row]![column]! : basis[column]![row]!);
  return filled([rows, columns], (k) => gain * at(Math.floor(k / columns), k % columns));
}

/** A normal number (Box and Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

function subtract(from: Float64Array, vector: Float64Array, times: number): void {
  for (let k = 0; k < from.length; k++) from[k]! -= times * vector[k]!;
}
