/**
 * The sizes that a graph, or a body in it, can compute at some node: dimensions of its inputs and of the values before
 * the node. Emits the nodes that compute them.
 */
import { int64Tensor, type OnnxNode, type OnnxTensor } from '../onnx/graph.js';
import type { SampledSize } from './size-samples.js';

/** A dimension of a value, and its size in each trace. */
interface Dimension {
  readonly value: string;
  readonly axis: number;
  readonly samples: readonly number[];
}

/** What the scopes of a graph and its bodies share. */
interface Shared {
  readonly sizes: readonly SampledSize[];
  readonly initializers: Map<string, OnnxTensor>;
  /** Number of names given so far. */
  count: number;
}

export class SizeScope {
  readonly nodes: OnnxNode[] = [];
  readonly #around: SizeScope | undefined;
  readonly #shared: Shared;
  readonly #dimensions = new Map<string, Dimension>();
  readonly #computed = new Map<string, string>();

  constructor(shared: Shared, around?: SizeScope) {
    this.#shared = shared;
    this.#around = around;
  }

  /** The scope of a body of a node of this one. */
  inner(): SizeScope {
    return new SizeScope(this.#shared, this);
  }

  /** Adds the dimensions of a value, given its shape in each trace. */
  know(value: string, shapes: readonly (readonly number[] | undefined)[]): void {
    for (const [axis, size] of (shapes[0] ?? []).entries()) {
      const samples = shapes.map((shape) => shape?.[axis] ?? 0);
      const key = samples.join();
      if (samples.some((each) => each !== size) && !this.#find(key))
        this.#dimensions.set(key, { value, axis, samples });
    }
  }

  /** The name of an int64 vector with one element, the size with these samples; undefined if nothing has it. */
  size(samples: readonly number[]): string | undefined {
    if (samples.every((size) => size === samples[0])) return this.int64([samples[0]!]);
    const key = samples.join();
    const known = this.#computedAs(key) ?? this.#compute(samples);
    if (known !== undefined) this.#computed.set(key, known);
    return known;
  }

  emit(opType: string, inputs: readonly string[], attributes: NonNullable<OnnxNode['attributes']> = {}): string {
    const output = `size.${this.#shared.count++}`;
    this.nodes.push({ opType, inputs, outputs: [output], attributes });
    return output;
  }

  constant(tensor: Omit<OnnxTensor, 'name'>): string {
    return this.#keep(`constant.of.size.${this.#shared.count++}`, (name) => ({ ...tensor, name }));
  }

  int64(values: readonly number[]): string {
    return this.#keep(`int64.${values.join('.')}`, (name) => int64Tensor(name, values));
  }

  #keep(name: string, tensor: (name: string) => OnnxTensor): string {
    const { initializers } = this.#shared;
    if (!initializers.has(name)) initializers.set(name, tensor(name));
    return name;
  }

  #compute(samples: readonly number[]): string | undefined {
    const exact = this.#find(samples.join());
    if (exact) return this.#dimension(exact);
    for (const dimension of this.#all()) {
      const name = this.#linear(samples, dimension.samples, () => this.#dimension(dimension));
      if (name !== undefined) return name;
    }
    for (const [k, a] of this.#shared.sizes.entries()) {
      for (const b of this.#shared.sizes.slice(k)) {
        const product = () => this.emit('Mul', [this.size(a.samples)!, this.size(b.samples)!]);
        const products = a.samples.map((size, trial) => size * b.samples[trial]!);
        const name = this.#linear(samples, products, product);
        if (name !== undefined) return name;
      }
    }
    return undefined;
  }

  /** factor·x + addend, if that gives the samples with whole numbers. */
  #linear(samples: readonly number[], x: readonly number[], nameOf: () => string): string | undefined {
    const factor = (samples[1]! - samples[0]!) / (x[1]! - x[0]!);
    const addend = samples[0]! - factor * x[0]!;
    if (!Number.isInteger(factor) || factor === 0 || !Number.isInteger(addend)) return undefined;
    if (samples.some((size, trial) => size !== factor * x[trial]! + addend)) return undefined;
    const product = factor === 1 ? nameOf() : this.emit('Mul', [nameOf(), this.int64([factor])]);
    return addend === 0 ? product : this.emit('Add', [product, this.int64([addend])]);
  }

  #dimension({ value, axis }: Dimension): string {
    return this.emit('Shape', [value], { start: { i: axis }, end: { i: axis + 1 } });
  }

  #find(key: string): Dimension | undefined {
    return this.#outer((scope) => scope.#find(key)) ?? this.#dimensions.get(key);
  }

  #computedAs(key: string): string | undefined {
    return this.#computed.get(key) ?? this.#outer((scope) => scope.#computedAs(key));
  }

  #all(): Dimension[] {
    return [...(this.#outer((scope) => scope.#all()) ?? []), ...this.#dimensions.values()];
  }

  #outer<Result>(ask: (around: SizeScope) => Result): Result | undefined {
    return this.#around === undefined ? undefined : ask(this.#around);
  }
}

/** Whether two constants are the same; weights, which all traces share, are not compared byte by byte. */
export function sameBytes(a: OnnxTensor, b: OnnxTensor): boolean {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join() || a.data.length !== b.data.length) return false;
  if (a.data.buffer === b.data.buffer && a.data.byteOffset === b.data.byteOffset) return true;
  return a.data.every((byte, k) => byte === b.data[k]);
}
