/** Constants that differ between traces with different sizes, as nodes that compute them from the sizes. */
import { elementTypes } from '../onnx/file.js';
import { bytesOf, int64Values, type OnnxTensor } from '../onnx/graph.js';
import { elementCount } from '../tensors/shapes.js';
import type { SizeScope } from './size-scope.js';

/** Longer vectors are no shapes, axes or positions. */
const mostComputed = 16;

export class OpenTensors {
  readonly #scope: SizeScope;

  constructor(scope: SizeScope) {
    this.#scope = scope;
  }

  /**
   * The name of a value that is the k-th of these constants in the k-th trace; undefined if it is not known how to
   * compute one.
   * @param options.asShape whether it is the shape of a Reshape, where −1 stands for one size
   */
  open(tensors: readonly OnnxTensor[], { asShape }: { readonly asShape: boolean }): string | undefined {
    const [first] = tensors;
    const sameShape = tensors.every(({ shape }) => shape.join() === first!.shape.join());
    if (sameShape) return elementCount(first!.shape) <= mostComputed ? this.#numbers(tensors, asShape) : undefined;
    if (tensors.some(({ shape }) => shape.length !== first!.shape.length)) return undefined;
    return this.#range(tensors) ?? this.#repeated(tensors);
  }

  /** Numbers, each of which is a size or computed from one. */
  #numbers(tensors: readonly OnnxTensor[], asShape: boolean): string | undefined {
    const [{ dtype, shape }] = tensors as [OnnxTensor];
    if (dtype === 'bool' || shape.length > 1) return undefined;
    const values = tensors.map(valuesOf);
    const columns = values[0]!.map((_, k) => values.map((each) => each[k]!));
    const varying = columns.filter((column) => column.some((value) => value !== column[0]));
    if (asShape && varying.length === 1 && !columns.some(([size]) => size === 0)) {
      return this.#scope.int64(columns.map((column) => (column === varying[0] ? -1 : column[0]!)));
    }
    if (columns.flat().every(Number.isInteger)) return this.#vector(columns, dtype, shape);
    const inverses = columns.map((column) => column.map((value) => Math.round(1 / value)));
    const isInverse = columns.flat().every((value, k) => Math.fround(1 / inverses.flat()[k]!) === value);
    const vector = isInverse && dtype === 'float32' ? this.#vector(inverses, dtype, shape) : undefined;
    return vector && this.#scope.emit('Reciprocal', [vector]);
  }

  #vector(columns: readonly (readonly number[])[], dtype: OnnxTensor['dtype'], shape: readonly number[]) {
    const sizes = columns.map((column) => this.#scope.size(column));
    if (sizes.includes(undefined)) return undefined;
    const joined = sizes.length === 1 ? sizes[0]! : this.#scope.emit('Concat', sizes as string[], { axis: { i: 0 } });
    const cast = dtype === 'int64' ? joined : this.#cast(joined, dtype);
    return shape.length === 0 ? this.#scope.emit('Squeeze', [cast, this.#scope.int64([0])]) : cast;
  }

  #cast(name: string, dtype: OnnxTensor['dtype']): string {
    return this.#scope.emit('Cast', [name], { to: { i: elementTypes[dtype] } });
  }

  /** start, start + step, …, as long as a size. */
  #range(tensors: readonly OnnxTensor[]): string | undefined {
    const [{ dtype, shape }] = tensors as [OnnxTensor];
    if (shape.length !== 1 || (dtype !== 'int32' && dtype !== 'float32')) return undefined;
    const values = tensors.map(valuesOf);
    const [start = 0, second = 0] = values[0]!;
    const step = second - start;
    if (step === 0 || !values.flat().every(Number.isInteger)) return undefined;
    if (!values.every((each) => each.every((value, k) => value === start + k * step))) return undefined;
    const end = this.#scope.size(values.map(({ length }) => start + length * step));
    if (end === undefined) return undefined;
    const scalar = (value: number) => {
      const array = dtype === 'int32' ? Int32Array.of(value) : Float32Array.of(value);
      return this.#scope.constant({ dtype, shape: [], data: bytesOf(array) });
    };
    const limit = this.#scope.emit('Squeeze', [this.#cast(end, dtype), this.#scope.int64([0])]);
    return this.#scope.emit('Range', [scalar(start), limit, scalar(step)]);
  }

  /** A constant that repeats along the axes whose sizes differ. */
  #repeated(tensors: readonly OnnxTensor[]): string | undefined {
    const [{ dtype, shape }] = tensors as [OnnxTensor];
    const once = shape.map((size, axis) => (tensors.every((tensor) => tensor.shape[axis] === size) ? size : 1));
    const parts = tensors.map((tensor) => repeatedPart(tensor, once));
    const [part] = parts;
    if (!part || parts.some((each) => each === undefined || each.join() !== part.join())) return undefined;
    const sizes = shape.map((_, axis) => this.#scope.size(tensors.map((tensor) => tensor.shape[axis]!)));
    if (sizes.includes(undefined)) return undefined;
    const whole = sizes.length === 1 ? sizes[0]! : this.#scope.emit('Concat', sizes as string[], { axis: { i: 0 } });
    return this.#scope.emit('Expand', [this.#scope.constant({ dtype, shape: once, data: bytesOf(part) }), whole]);
  }
}

type Elements = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

function elementsOf({ dtype, data }: OnnxTensor): Elements | undefined {
  const { buffer } = data.slice();
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'bool':
      return new Uint8Array(buffer);
    default:
      return undefined;
  }
}

function valuesOf(tensor: OnnxTensor): number[] {
  return tensor.dtype === 'int64' ? int64Values(tensor) : Array.from(elementsOf(tensor) ?? []);
}

/** The part of this shape, if the tensor is that part repeated along the axes of size 1. */
function repeatedPart(tensor: OnnxTensor, shape: readonly number[]): Elements | undefined {
  const elements = elementsOf(tensor);
  if (!elements || elements.length === 0) return undefined;
  const strides = shape.map((size, axis) => (size === 1 ? 0 : elementCount(shape.slice(axis + 1))));
  const part = elements.slice(0, elementCount(shape));
  const written = new Uint8Array(part.length);
  for (let k = 0; k < elements.length; k++) {
    let rest = k;
    let at = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % tensor.shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / tensor.shape[axis]!);
    }
    if (!written[at]) part[at] = elements[k]!;
    else if (!Object.is(part[at], elements[k]!)) return undefined;
    written[at] = 1;
  }
  return part;
}
