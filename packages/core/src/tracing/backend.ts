/**
 * A TensorFlow.js backend that computes nothing: it records every kernel called on it as ONNX nodes. It exists for the
 * duration of one {@link trace}. It reads tensors of other backends where they are and never moves them.
 */
import * as tf from '@tensorflow/tfjs-core';
import { GraphRecorder } from './recorder.js';

export const traceBackendName = 'unroll-trace';

/** How to trace a graph that one of several is, whose sizes differ and are left open; see `withOpenSizes`. */
export interface OpenTrace {
  /** Returns a size to stand for one that is known only when the graph runs. */
  readonly unknownSize: () => number;
}

export class TraceBackend extends tf.KernelBackend {
  readonly recorder = new GraphRecorder(readFromItsBackend);
  /** Set if sizes are left open: loops are recorded as loops, and arithmetic of shapes is computed. */
  readonly open: OpenTrace | undefined;
  /** The backend that computes what depends on constants only. */
  readonly host: tf.KernelBackend | undefined;
  /** Number of tensors that share data, if not one: TensorFlow.js disposes data without tensors. */
  readonly #references = new WeakMap<object, number>();
  #dataCount = 0;

  constructor(open?: OpenTrace) {
    super();
    this.open = open;
    const name = open && ['cpu', tf.getBackend()].find((each) => tf.findBackend(each));
    this.host = name ? (tf.findBackend(name) as tf.KernelBackend) : undefined;
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype);
    return dataId;
  }

  override move(dataId: object, values: tf.BackendValues, shape: number[], dtype: tf.DataType): void {
    this.#dataCount++;
    this.recorder.store(dataId, values as Float32Array, { shape, dtype });
  }

  override readSync(dataId: object): tf.BackendValues {
    const values = this.recorder.valuesOf(dataId);
    if (values) return values;
    throw new TraceError(
      'the traced function reads the value of a tensor that is known only when the graph runs ' +
        '(dataSync, data, array, print, or a JavaScript condition on a tensor); compute with TensorFlow.js ops instead',
    );
  }

  override async read(dataId: object): Promise<tf.BackendValues> {
    return this.readSync(dataId);
  }

  override numDataIds(): number {
    return this.#dataCount;
  }

  override disposeData(dataId: object, force = false): boolean {
    this.decRef(dataId);
    return force || this.refCount(dataId) <= 0;
  }

  override refCount(dataId: object): number {
    return this.#references.get(dataId) ?? 1;
  }

  override incRef(dataId: object): void {
    this.#references.set(dataId, this.refCount(dataId) + 1);
  }

  decRef(dataId: object): void {
    this.#references.set(dataId, this.refCount(dataId) - 1);
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override dispose(): void {}
}

/** The backend that is tracing a graph with open sizes; undefined if none is. */
export function openBackend(): TraceBackend | undefined {
  const backend = tf.backend();
  return backend instanceof TraceBackend && backend.open ? backend : undefined;
}

/**
 * Thrown for a function that cannot be traced: it calls an op without an ONNX counterpart, or reads a value while
 * tracing.
 */
export class TraceError extends Error {
  override readonly name = 'TraceError';
}

function readFromItsBackend(dataId: object) {
  const info = tf.engine().state.tensorInfo.get(dataId);
  if (!info) throw new TraceError('the traced function uses a tensor that has been disposed');
  const values = info.backend.readSync(dataId) as unknown as ArrayLike<number>;
  return { values, shape: info.shape, dtype: info.dtype };
}
