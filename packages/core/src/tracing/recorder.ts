/**
 * Records ONNX nodes. A traced tensor is either symbolic, with a name in the graph, or a constant, with values. A
 * constant gets a name and an initializer only when a node uses it. Lowerings emit nodes only through this class.
 */
import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { OnnxAttribute, OnnxDataType, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from '../onnx/graph.js';
import { bytesOf, int64Tensor, prune } from '../onnx/graph.js';
import { elementCount } from '../tensors/shapes.js';
import { requireElementTypes } from './element-types.js';

type Values = Float32Array | Int32Array | Uint8Array;

/**
 * The recorder's data about a traced tensor; tensors that share it (reshapes of constants, clones) share the entry.
 */
interface Entry {
  name: string | undefined;
  readonly values: Values | undefined;
  readonly shape: readonly number[];
  readonly dtype: OnnxDataType;
}

export interface EmitOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
}

/** Shape and element type of a value to record. */
export interface ValueType {
  readonly shape: readonly number[];
  readonly dtype: DataType;
}

/** Reads the values of a tensor of another backend, so that it can become a constant. */
export type ReadForeign = (dataId: object) => { values: ArrayLike<number>; shape: number[]; dtype: DataType };

export class GraphRecorder {
  #nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly inputs: OnnxValue[] = [];
  readonly #entries = new WeakMap<object, Entry>();
  readonly #constantNames = new Map<string, string>();
  readonly #types = new Map<string, Pick<OnnxTensor, 'shape' | 'dtype'>>();
  readonly #readForeign: ReadForeign;
  #valueCount = 0;

  constructor(readForeign: ReadForeign) {
    this.#readForeign = readForeign;
  }

  /** The nodes of the graph, or of the body that is being recorded. */
  get nodes(): readonly OnnxNode[] {
    return this.#nodes;
  }

  /**
   * Records the body of a loop or a condition: a graph that may also use the values of the graph around it.
   * @param inputs the types of the body's inputs
   * @param record records the body and returns its outputs
   * @param options.isCounted whether the first input, which is added, is the number of the step
   */
  body(
    inputs: readonly ValueType[],
    record: (inputs: TensorInfo[]) => readonly TensorInfo[],
    { isCounted = false }: { readonly isCounted?: boolean } = {},
  ): OnnxGraph {
    const around = this.#nodes;
    this.#nodes = [];
    try {
      const symbols = inputs.map((type) => this.#symbol(this.#freshValueName(), type));
      // A node of its own for each output: it may be an input, a constant or a value of the graph around it.
      const outputs = record(symbols).map((tensor) => this.emit('Identity', [tensor], tensor));
      const value = (tensor: TensorInfo) => ({ name: this.name(tensor), ...this.typeOf(this.name(tensor))! });
      const counter = { name: this.#freshValueName(), shape: [], dtype: 'int64' } as const;
      return prune({
        inputs: [...(isCounted ? [counter] : []), ...symbols.map(value)],
        outputs: outputs.map(value),
        initializers: [],
        nodes: this.#nodes,
      });
    } finally {
      this.#nodes = around;
    }
  }

  /** Adds a graph input. */
  input(name: string, { shape, dtype }: ValueType): TensorInfo {
    this.inputs.push({ name, shape, dtype: onnxType(dtype) });
    return this.#symbol(name, { shape, dtype });
  }

  /** Makes a tensor of another backend, with this data id, a graph input. */
  bindInput(dataId: object, name: string, { shape, dtype }: ValueType): void {
    this.inputs.push({ name, shape, dtype: onnxType(dtype) });
    const type = { shape, dtype: onnxType(dtype) };
    this.#types.set(name, type);
    this.#entries.set(dataId, { name, values: undefined, ...type });
  }

  /**
   * Reserves the name of a graph output.
   * @returns false if the name is taken, by an input or by a value that is recorded already
   */
  reserve(name: string, { shape, dtype }: ValueType): boolean {
    if (this.#types.has(name)) return false;
    this.#types.set(name, { shape, dtype: onnxType(dtype) });
    return true;
  }

  /** Stores a constant under this data id. */
  store(dataId: object, values: ArrayLike<number>, { shape, dtype }: ValueType): void {
    this.#entries.set(dataId, { name: undefined, values: typedValues(values, dtype), shape, dtype: onnxType(dtype) });
  }

  /** Creates a constant. */
  constant(values: ArrayLike<number>, type: ValueType): TensorInfo {
    const dataId = {};
    this.store(dataId, values, type);
    return { dataId, shape: [...type.shape], dtype: type.dtype };
  }

  /** The shape of a value of the graph. */
  shapeOf(name: string): readonly number[] | undefined {
    return this.typeOf(name)?.shape;
  }

  typeOf(name: string): Pick<OnnxTensor, 'shape' | 'dtype'> | undefined {
    const type = this.#types.get(name);
    return type && { shape: type.shape, dtype: type.dtype };
  }

  /** The values of a constant; undefined for tensors that are known only when the graph runs. */
  valuesOf(dataId: object): Values | undefined {
    return this.#entry(dataId).values;
  }

  /** The same value under a new data id. */
  alias(tensor: TensorInfo): TensorInfo {
    const dataId = {};
    this.#entries.set(dataId, this.#entry(tensor.dataId));
    return { dataId, shape: tensor.shape, dtype: tensor.dtype };
  }

  /** The name of a tensor's value in the graph; a constant becomes an initializer when it is first named. */
  name(tensor: TensorInfo): string {
    const entry = this.#entry(tensor.dataId);
    entry.name ??= this.#initializer(entry);
    return entry.name;
  }

  /** The name of an int64 vector, the form in which ONNX takes shapes, axes and positions. */
  int64(values: readonly number[]): string {
    return this.#intern(`int64:${values.join(',')}`, (name) => int64Tensor(name, values));
  }

  /** The name of a scalar constant. An int32 is truncated and clipped to the range of int32. */
  scalar(value: number, dtype: DataType = 'float32'): string {
    const inRange = dtype === 'int32' ? Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1) : value;
    return this.name(this.constant([inRange], { shape: [], dtype }));
  }

  /**
   * Records a node with one output. Inputs are tensors or names.
   * @throws ElementTypeError if the operator does not take the inputs' element types
   */
  emit(opType: string, inputs: readonly (TensorInfo | string)[], output: ValueType, options: EmitOptions = {}) {
    return this.emitMany(opType, inputs, [output], options)[0]!;
  }

  /** Records a node with several outputs; see {@link emit}. */
  emitMany(
    opType: string,
    inputs: readonly (TensorInfo | string)[],
    outputs: readonly ValueType[],
    options: EmitOptions = {},
  ): TensorInfo[] {
    // ONNX Runtime refuses many operators of empty tensors, whose results are known without them.
    if (outputs.every(({ shape }) => elementCount(shape) === 0)) return outputs.map((type) => this.constant([], type));
    const inputNames = inputs.map((input) => (typeof input === 'string' ? input : this.name(input)));
    const types = inputNames.map((name) => this.typeOf(name)?.dtype);
    requireElementTypes(opType, types);
    const names = outputs.map(() => this.#freshValueName());
    this.#nodes.push({
      opType,
      inputs: inputNames,
      outputs: names,
      ...options,
    });
    return outputs.map((output, k) => this.#symbol(names[k]!, output));
  }

  #symbol(name: string, { shape, dtype }: ValueType): TensorInfo {
    const dataId = {};
    const type = { shape, dtype: onnxType(dtype) };
    this.#types.set(name, type);
    this.#entries.set(dataId, { name, values: undefined, ...type });
    return { dataId, shape: [...shape], dtype };
  }

  #entry(dataId: object): Entry {
    const known = this.#entries.get(dataId);
    if (known) return known;
    const { values, shape, dtype } = this.#readForeign(dataId);
    this.store(dataId, values, { shape, dtype });
    return this.#entries.get(dataId)!;
  }

  #initializer({ values, shape, dtype }: Entry): string {
    if (!values) throw new Error('a traced tensor has neither a name nor values');
    const tensor = (name: string): OnnxTensor => ({ name, dtype, shape, data: bytesOf(values) });
    // Small constants (0.5, 1, …) recur at every time step: store each only once.
    if (elementCount(shape) > 16) return this.#addInitializer(tensor);
    return this.#intern(`${dtype}:${shape.join(',')}:${values.join(',')}`, tensor);
  }

  #intern(key: string, tensor: (name: string) => OnnxTensor): string {
    const known = this.#constantNames.get(key);
    if (known) return known;
    const name = this.#addInitializer(tensor);
    this.#constantNames.set(key, name);
    return name;
  }

  /** The next name that no input of the graph has. */
  #freshValueName(): string {
    let name: string;
    do name = `v${this.#valueCount++}`;
    while (this.#types.has(name));
    return name;
  }

  #addInitializer(tensor: (name: string) => OnnxTensor): string {
    let name = `constant_${this.initializers.length}`;
    while (this.#types.has(name)) name += '_';
    const initializer = tensor(name);
    this.initializers.push(initializer);
    this.#types.set(initializer.name, initializer);
    return initializer.name;
  }
}

/** The ONNX element type of a TensorFlow.js dtype. */
export function onnxType(dtype: DataType): 'float32' | 'int32' | 'bool' {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new Error(`tensors of dtype '${dtype}' cannot be traced; use float32, int32 or bool`);
}

function typedValues(values: ArrayLike<number>, dtype: DataType): Values {
  switch (onnxType(dtype)) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'int32':
      return values instanceof Int32Array ? values : Int32Array.from(values);
    case 'bool':
      return values instanceof Uint8Array ? values : Uint8Array.from(values);
  }
}
