/** Draws shapes, element types and values for the fuzzer, from a seeded stream. */
import { type Random, seededRandom } from '../../random/seeded-random.js';
import type { Values } from '../onnx-runtime.js';

type ElementType = 'float32' | 'int32' | 'bool';

/** Kinds of values: ordinary ones, or also NaN, infinities, zeros with signs and extreme sizes. */
export type Range = 'ordinary' | 'special' | 'positive' | 'unit';

const extremes = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1e-30,
  -3e-9,
  1e-4,
  30,
  -90,
  1e10,
];
/** Not beyond what a sum holds: JavaScript and int32 overflow in different ways. */
const extremeIntegers = [0, 1, -1, 1_000_000, -30_000, 65_536, -7];

export class Draw {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from `least` to `greatest`. */
  integer(least: number, greatest: number): number {
    return least + Math.floor(this.#random() * (greatest - least + 1));
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  one<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)]!;
  }

  /** A shape; now and then one of its dimensions is 0. */
  shape(leastRank: number, greatestRank: number, greatestSize = 4): number[] {
    const isEmpty = this.chance(0.03);
    const rank = this.integer(leastRank, greatestRank);
    const shape = Array.from({ length: rank }, () => this.integer(1, greatestSize));
    return isEmpty && rank > 0 ? shape.with(this.integer(0, rank - 1), 0) : shape;
  }

  /** A shape that broadcasts with this one. */
  broadcastable(shape: readonly number[]): number[] {
    const kept = shape.slice(this.integer(0, shape.length));
    return kept.map((size) => (this.chance(0.3) ? 1 : size));
  }

  /** An axis of a shape, counted from either end. */
  axis(shape: readonly number[]): number {
    const axis = this.integer(0, shape.length - 1);
    return this.chance(0.5) ? axis : axis - shape.length;
  }

  axes(shape: readonly number[]): number[] {
    return [...shape.keys()]
      .filter(() => this.chance(0.5))
      .map((axis) => (this.chance(0.5) ? axis : axis - shape.length));
  }

  permutation(length: number): number[] {
    return [...Array(length).keys()]
      .map((k) => [this.#random(), k] as const)
      .sort(([a], [b]) => a - b)
      .map(([, k]) => k);
  }

  range(): Range {
    return this.chance(0.3) ? 'special' : 'ordinary';
  }

  floats(shape: readonly number[], range: Range = 'ordinary'): Values {
    return { shape, values: this.#list(shape, () => Math.fround(this.#float(range))) };
  }

  /** Different numbers, so that no two compete for a maximum. */
  distinct(shape: readonly number[]): Values {
    const count = size(shape);
    return { shape, values: this.permutation(count).map((k) => Math.fround((k - count / 2) * 0.37)) };
  }

  integers(shape: readonly number[], least = -4, greatest = 4): Values {
    return { shape, values: this.#list(shape, () => this.integer(least, greatest)), dtype: 'int32' };
  }

  anyIntegers(shape: readonly number[]): Values {
    const isExtreme = this.chance(0.2);
    const draw = () => (isExtreme && this.chance(0.3) ? this.one(extremeIntegers) : this.integer(-9, 9));
    return { shape, values: this.#list(shape, draw), dtype: 'int32' };
  }

  booleans(shape: readonly number[]): Values {
    return { shape, values: this.#list(shape, () => this.integer(0, 1)), dtype: 'bool' };
  }

  /** Values of any element type. */
  any(shape: readonly number[], dtype: ElementType = this.one(['float32', 'float32', 'int32', 'bool'])): Values {
    if (dtype === 'float32') return this.floats(shape, this.range());
    return dtype === 'int32' ? this.anyIntegers(shape) : this.booleans(shape);
  }

  #float(range: Range): number {
    switch (range) {
      case 'ordinary':
        return (this.#random() - 0.5) * 6;
      case 'positive':
        return 0.2 + this.#random() * 3;
      case 'unit':
        return (this.#random() - 0.5) * 1.9;
      case 'special':
        return this.chance(0.4) ? this.one(extremes) : (this.#random() - 0.5) * 6;
    }
  }

  #list(shape: readonly number[], draw: () => number): number[] {
    return Array.from({ length: size(shape) }, draw);
  }
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
