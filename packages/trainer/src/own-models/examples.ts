/** Examples in memory: their tensors, cut into batches. */
import type * as tf from '@tensorflow/tfjs-core';
import type { TensorSpec } from '@unroll/core';
import { elementCount } from '@unroll/core/config';
import { UnrollError } from '../errors.js';

export type Tensors = tf.Tensor | readonly tf.Tensor[];

/** Inputs and labels of examples: a tensor, or one for each input or output of the model. Their first axis counts examples. */
export interface Examples {
  readonly xs: Tensors;
  readonly ys: Tensors;
}

type Values = Float32Array | Int32Array;

interface Column {
  /** The shape and type of one example. */
  readonly spec: TensorSpec;
  readonly values: Values;
}

export class ExampleTable {
  readonly count: number;
  readonly xs: readonly Column[];
  readonly ys: readonly Column[];

  private constructor(xs: readonly Column[], ys: readonly Column[], count: number) {
    this.xs = xs;
    this.ys = ys;
    this.count = count;
  }

  /**
   * Reads the tensors' values.
   * @param name names the examples in messages
   * @throws UnrollError if the tensors have other types, or different numbers of examples
   */
  static async of({ xs, ys }: Examples, name: string): Promise<ExampleTable> {
    const tensors = [[xs].flat(), [ys].flat()] as tf.Tensor[][];
    const counts = tensors.flat().map(({ shape }) => shape[0] ?? 0);
    const [count = 0] = counts;
    if (count === 0 || counts.some((other) => other !== count)) {
      throw new UnrollError(
        `${name}: its tensors have ${counts.join(' and ')} examples; give as many in each, at least one`,
      );
    }
    const [inputs, labels] = await Promise.all(
      tensors.map((some) => Promise.all(some.map((tensor) => columnOf(tensor, name)))),
    );
    return new ExampleTable(inputs!, labels!, count);
  }

  /** Returns examples as inputs `xs.k` and `ys.k`, `[lanes, …]`. Lanes without an example repeat the first. */
  inputsOf(examples: readonly number[], lanes: number): Record<string, Values> {
    const rows = Array.from({ length: lanes }, (_, lane) => examples[lane] ?? examples[0] ?? 0);
    const named = (prefix: string, columns: readonly Column[]) =>
      columns.map((column, k) => [`${prefix}.${k}`, gathered(column, rows)] as const);
    return Object.fromEntries([...named('xs', this.xs), ...named('ys', this.ys)]);
  }
}

async function columnOf(tensor: tf.Tensor, name: string): Promise<Column> {
  const { dtype, shape } = tensor;
  const spec = { shape: shape.slice(1) };
  const data = await tensor.data();
  if (dtype === 'float32') return { spec: { ...spec, dtype }, values: Float32Array.from(data as ArrayLike<number>) };
  if (dtype === 'int32') return { spec: { ...spec, dtype }, values: Int32Array.from(data as ArrayLike<number>) };
  throw new UnrollError(`${name}: has a tensor of dtype ${dtype}; cast it to float32 or int32`);
}

function gathered({ spec, values }: Column, rows: readonly number[]): Values {
  const width = elementCount(spec.shape);
  const batch =
    values instanceof Int32Array ? new Int32Array(rows.length * width) : new Float32Array(rows.length * width);
  for (const [lane, row] of rows.entries()) batch.set(values.subarray(row * width, (row + 1) * width), lane * width);
  return batch;
}
