/**
 * The update rule that servers run: clipping and the optimizer of `@unroll/core`, traced and executed by ONNX Runtime.
 * Optimizers work element by element, so a shard's vector is one tensor whatever parameters it is made of.
 */
import * as tf from '@tensorflow/tfjs-core';
import { clipScale, encodeOnnx, optimizerSlots, optimizerUpdate, trace } from '@unroll/core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelDescription } from './model.js';
import type { UpdateArguments, UpdateRule } from './update-rule.js';

/** Vectors are updated in blocks, so that the results, which cannot overwrite their inputs, need little room. */
const blockLength = 1024 * 1024;

type Tensors = Record<string, Tensor>;

/** Traces the optimizer for a vector of `length` elements; see {@link UpdateRule}. */
export async function createOnnxUpdateRule(model: ModelDescription, length: number): Promise<UpdateRule> {
  const blocks = new Map<number, Block>();
  for (const size of new Set([Math.min(blockLength, length), length % blockLength])) {
    if (size > 0) blocks.set(size, await Block.create(model, size));
  }
  return {
    async apply(update) {
      for (let start = 0; start < length; start += blockLength) {
        const end = Math.min(start + blockLength, length);
        await blocks.get(end - start)!.apply(update, start, end);
      }
    },
  };
}

/** The optimizer for a fixed number of elements. */
class Block {
  readonly #session: InferenceSession;
  readonly #slots: readonly string[];
  readonly #results: Tensors;

  static async create(model: ModelDescription, length: number): Promise<Block> {
    // One thread: the update is bound by memory, and idle threads of ONNX Runtime would spin beside the workers.
    const session = await InferenceSession.create(encodeOnnx(traceUpdate(model, length)), { intraOpNumThreads: 1 });
    return new Block(session, optimizerSlots(model.optimizer), length);
  }

  private constructor(session: InferenceSession, slots: readonly string[], length: number) {
    this.#session = session;
    this.#slots = slots;
    this.#results = Object.fromEntries(session.outputNames.map((name) => [name, vector(new Float32Array(length))]));
  }

  /** Updates elements `[start, end)`. */
  async apply({ values, gradient, ...scalars }: UpdateArguments, start: number, end: number): Promise<void> {
    const vectors = new Map([['parameter', values.parameters]]);
    for (const name of this.#slots) vectors.set(slotKey(name), values.slots[name]!);
    const feeds: Tensors = {};
    for (const [name, values] of vectors) feeds[name] = vector(values.subarray(start, end));
    feeds.gradient = vector(gradient.subarray(start, end));
    for (const name of this.#session.inputNames) {
      if (isScalar(name)) feeds[name] = new Tensor('float32', Float32Array.of(scalars[name]), []);
    }
    await this.#session.run(feeds, this.#results);
    for (const [name, values] of vectors) values.set(this.#results[resultKey(name)]!.data as Float32Array, start);
  }
}

const scalarInputs = ['learningRate', 'sumOfSquares', 'step'] as const;

function isScalar(name: string): name is (typeof scalarInputs)[number] {
  return (scalarInputs as readonly string[]).includes(name);
}

function traceUpdate({ optimizer, clipNorm }: ModelDescription, length: number) {
  const names = optimizerSlots(optimizer);
  const spec = (shape: readonly number[]) => ({ shape, dtype: 'float32' as const });
  const vectors = ['parameter', 'gradient', ...names.map(slotKey)].map((name) => [name, spec([length])] as const);
  const scalars = scalarInputs.map((name) => [name, spec([])] as const);
  return trace(
    (inputs) => {
      const scale = clipNorm === undefined ? tf.scalar(1) : clipScale(inputs.sumOfSquares as tf.Scalar, clipNorm);
      const { parameter, slots } = optimizerUpdate(optimizer, {
        parameter: inputs.parameter!,
        gradient: tf.mul(inputs.gradient!, scale),
        slots: Object.fromEntries(names.map((name) => [name, inputs[slotKey(name)]!])),
        learningRate: inputs.learningRate as tf.Scalar,
        step: inputs.step as tf.Scalar,
      });
      const updatedSlots = names.map((name) => [resultKey(slotKey(name)), slots[name]!] as const);
      return { [resultKey('parameter')]: parameter, ...Object.fromEntries(updatedSlots) };
    },
    Object.fromEntries([...vectors, ...scalars]),
  );
}

/** A slot's name in the graph, which no other input has. */
function slotKey(name: string): string {
  return `slot.${name}`;
}

/** The graph's output that replaces an input. */
function resultKey(name: string): string {
  return `updated.${name}`;
}

function vector(values: Float32Array): Tensor {
  return new Tensor('float32', values, [values.length]);
}
