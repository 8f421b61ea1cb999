/**
 * The update rule that servers run: clipping and the optimizer of `@unroll/core`, traced and executed by ONNX Runtime.
 * Optimizers work element by element, so a shard's vector is one tensor, regardless of the parameters in it.
 */
import * as tf from '@tensorflow/tfjs-core';
import { encodeOnnx, trace } from '@unroll/core';
import { optimizerSlots } from '@unroll/core/config';
import { clipScale, optimizerUpdate } from '@unroll/core/internal';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelDescription } from '../vectors/model.js';
import type { Ranges } from '../vectors/sparse-vector.js';
import { NotFinite, type UpdateArguments, type UpdateRule } from './update-rule.js';

/**
 * Elements are updated in blocks that stay in a core's cache, so that only the shard's own memory is read and written.
 */
const blockLength = 64 * 1024;

type Tensors = Record<string, Tensor>;

/** Traces the optimizer; see {@link UpdateRule}. */
export async function createOnnxUpdateRule(model: ModelDescription, length: number): Promise<UpdateRule> {
  const block = await Block.create(model, Math.min(blockLength, Math.max(length, 1)));
  return {
    async apply(update) {
      for (const pieces of blocksOf(update.gradient.ranges, block.length)) await block.apply(update, pieces);
    },
  };
}

/** Elements `[from, to)` of a shard's vector, which are placed in a block starting at `at`. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

/** Cuts ranges into blocks of `length` elements; the last block may have fewer. */
function* blocksOf(ranges: Ranges, length: number): Generator<readonly Piece[]> {
  let pieces: Piece[] = [];
  let filled = 0;
  for (let k = 0; k < ranges.length; k += 2) {
    for (let from = ranges[k]!; from < ranges[k + 1]!; ) {
      const to = Math.min(ranges[k + 1]!, from + length - filled);
      pieces.push({ from, to, at: filled });
      filled += to - from;
      from = to;
      if (filled < length) continue;
      yield pieces;
      [pieces, filled] = [[], 0];
    }
  }
  if (filled > 0) yield pieces;
}

/** The optimizer for a fixed number of elements. */
class Block {
  readonly length: number;
  readonly #session: InferenceSession;
  readonly #slots: readonly string[];
  readonly #feeds: Tensors;
  readonly #results: Tensors;

  static async create(model: ModelDescription, length: number): Promise<Block> {
    // Use one thread: the update is bound by memory, and idle threads of ONNX Runtime would spin beside the workers.
    const session = await InferenceSession.create(encodeOnnx(traceUpdate(model, length)), { intraOpNumThreads: 1 });
    return new Block(session, optimizerSlots(model.optimizer), length);
  }

  private constructor(session: InferenceSession, slots: readonly string[], length: number) {
    this.length = length;
    this.#session = session;
    this.#slots = slots;
    const tensors = (names: readonly string[], shape: readonly number[]): Tensors =>
      Object.fromEntries(names.map((name) => [name, new Tensor('float32', new Float32Array(shape[0] ?? 1), shape)]));
    const scalars = session.inputNames.filter(isScalar);
    const vectors = session.inputNames.filter((name) => !isScalar(name));
    this.#feeds = { ...tensors(vectors, [length]), ...tensors(scalars, []) };
    this.#results = tensors(session.outputNames, [length]);
  }

  /** @throws NotFinite if the block holds a result that is not finite */
  #requireFinite(name: string, pieces: readonly Piece[]): void {
    const { at, from, to } = pieces.at(-1)!;
    const values = (this.#results[resultKey(name)]!.data as Float32Array).subarray(0, at + to - from);
    const place = values.findIndex((value) => !Number.isFinite(value));
    if (place < 0) return;
    const vector = name === 'parameter' ? 'parameters' : name.slice(slotPrefix.length);
    throw new NotFinite(elementAt(pieces, place), values[place]!, vector);
  }

  async apply({ values, gradient, isChecked, ...scalars }: UpdateArguments, pieces: readonly Piece[]): Promise<void> {
    const updated = new Map([['parameter', values.parameters]]);
    for (const name of this.#slots) updated.set(slotKey(name), values.slots[name]!);
    const feed = (name: string) => this.#feeds[name]!.data as Float32Array;
    for (const [name, vector] of [...updated, ['gradient', gradient.values] as const])
      gather(vector, pieces, feed(name));
    for (const name of this.#session.inputNames) if (isScalar(name)) feed(name)[0] = scalars[name];
    await this.#session.run(this.#feeds, this.#results);
    if (isChecked) for (const name of updated.keys()) this.#requireFinite(name, pieces);
    for (const [name, vector] of updated) scatter(this.#results[resultKey(name)]!.data as Float32Array, pieces, vector);
  }
}

/** Returns an element of the shard's vector from its place in a block. */
function elementAt(pieces: readonly Piece[], place: number): number {
  const { from, at } = pieces.findLast((piece) => piece.at <= place)!;
  return from + place - at;
}

function gather(vector: Float32Array, pieces: readonly Piece[], block: Float32Array): void {
  for (const { from, to, at } of pieces) block.set(vector.subarray(from, to), at);
}

function scatter(block: Float32Array, pieces: readonly Piece[], vector: Float32Array): void {
  for (const { from, to, at } of pieces) vector.set(block.subarray(at, at + to - from), from);
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

const slotPrefix = 'slot.';

/** Returns a slot's name in the graph, distinct from all other inputs. */
function slotKey(name: string): string {
  return slotPrefix + name;
}

/** Returns the name of the graph's output that replaces an input. */
function resultKey(name: string): string {
  return `updated.${name}`;
}
