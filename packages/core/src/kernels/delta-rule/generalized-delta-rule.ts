/**
 * The generalized delta rule, a recurrence whose state is a matrix S for each head. Its transition is a diagonal matrix
 * plus one of rank one (DPLR):
 *
 *   S_t = S_(t−1)·(diag(w_t) + a_tᵀb_t) + v_tᵀk_t    o_t = S_t·q_t    w_t = exp(logDecay_t)
 *
 * Special cases: linear attention (w = 1, a = b = 0; Katharopoulos et al. 2020), gated linear attention (a = b = 0; Yang
 * et al. 2024, arXiv:2312.06635), DeltaNet (w = 1, a = −k, b = βk; Schlag et al. 2021), gated DeltaNet (w = α for the
 * whole head, a = −αk; Yang et al. 2025, arXiv:2412.06464) and RWKV-7 (Peng et al. 2025, arXiv:2503.14456), whose q is
 * called receptance.
 *
 * Steps are computed in chunks by matrix products (Yang et al. 2024, arXiv:2406.06484). With u_t = S_(t−1)·a_t, the rows
 * of a chunk that starts from S satisfy (I − A)·U = Ã·Sᵀ + A_k·V, where ~ marks rows decayed from the start of the chunk,
 * and A and A_k hold the products of a with earlier b and k (`chunks.ts`). Then
 *
 *   O = Q̃·Sᵀ + B_q·U + K_q·V    S' = S·diag(w_1·…·w_C) + Uᵀ·B̄ + Vᵀ·K̄    (¯ : decayed to the end of the chunk)
 *
 * The gradients are derived by hand from these equations; only the state passes from chunk to chunk, one by one.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import {
  borderFactors,
  type ChunkedSteps,
  type ChunkMatrices,
  chunkMatrices,
  fromChunks,
  halves,
  intoChunks,
  sums,
} from './chunks.js';

/** Inputs; a lane is one head of one sequence. */
export interface DeltaRuleInputs {
  /** q, [time, lanes, key] */
  readonly query: tf.Tensor;
  /** k, [time, lanes, key] */
  readonly key: tf.Tensor;
  /** v, [time, lanes, value] */
  readonly value: tf.Tensor;
  /** log w, finite and not positive, [time, lanes, key] */
  readonly logDecay: tf.Tensor;
  /** a and b, the rank-one part of the transition, [time, lanes, key] */
  readonly a: tf.Tensor;
  readonly b: tf.Tensor;
  /** S_0, [lanes, value, key] */
  readonly initial: tf.Tensor;
}

export interface DeltaRuleOptions {
  /** Steps of a chunk, a power of two; default 16, or the smallest that holds a shorter sequence. */
  readonly chunk?: number;
}

const stepNames = ['query', 'key', 'value', 'logDecay', 'a', 'b'] as const;

const kernel = defineKernel<DeltaRuleInputs & Record<string, tf.Tensor>, { readonly chunk: number }>({
  name: 'GeneralizedDeltaRule',
  forward: (inputs, { chunk }) => {
    const { initial, query } = inputs;
    const [time = 0, lanes = 0] = query.shape;
    const steps = chunked(inputs, chunk);
    const matrices = chunkMatrices(steps);
    const decayed = decayedRows(steps);
    const { starts, last } = chunkStates(steps, matrices, decayed, initial);
    const replaced = replacedRows(steps, matrices, decayed, starts);
    const outputs = total([
      tf.matMul(decayed.query, starts, false, true),
      tf.matMul(matrices.queryB, replaced),
      tf.matMul(matrices.queryKey, steps.value),
    ]);
    const { inverse, aKey, queryB, queryKey } = matrices;
    return [fromChunks(outputs, time, lanes), last, starts, tf.concat([inverse, aKey, queryB, queryKey])];
  },
  saves: { inputs: [...stepNames, 'initial'], outputs: [false, false, true, true] },
  gradient: ([dOutputs, dLast], [query, key, value, logDecay, a, b, initial, starts, saved], { chunk }) => {
    const [time = 0, lanes = 0] = query!.shape;
    const given = { query: query!, key: key!, value: value!, logDecay: logDecay!, a: a!, b: b!, initial: initial! };
    const steps = chunked(given, chunk);
    const [inverse, aKey, queryB, queryKey] = tf.split(saved!, 4) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const matrices = { inverse, aKey, queryB, queryKey };
    const { initial: dInitial, ...dSteps } = gradients(
      steps,
      matrices,
      starts!,
      intoChunks(dOutputs!, chunk),
      dLast!,
      lanes,
    );
    const ofSteps = stepNames.map((name) => [name, () => fromChunks(dSteps[name], time, lanes)] as const);
    return { ...Object.fromEntries(ofSteps), initial: () => tf.clone(dInitial) };
  },
});

/**
 * Runs the rule over a sequence. A step with zero `key`, `b` and `logDecay` leaves the state unchanged.
 * @returns every o_t, [time, lanes, value], and the last S, [lanes, value, key]
 * @throws RangeError if `chunk` is not a power of two
 */
export function generalizedDeltaRule(
  inputs: DeltaRuleInputs,
  { chunk = 16 }: DeltaRuleOptions = {},
): { outputs: tf.Tensor3D; state: tf.Tensor3D } {
  if (!Number.isInteger(Math.log2(chunk))) throw new RangeError(`chunk must be a power of two, got ${chunk}`);
  const [time = 0] = inputs.query.shape;
  const [outputs, state, ...saved] = kernel({ ...inputs }, { chunk: Math.min(chunk, 2 ** Math.ceil(Math.log2(time))) });
  for (const tensor of saved) tensor.dispose();
  return { outputs: outputs as tf.Tensor3D, state: state as tf.Tensor3D };
}

function chunked(inputs: DeltaRuleInputs, chunk: number): ChunkedSteps {
  const [query, key, value, logDecay, a, b] = stepNames.map((name) => intoChunks(inputs[name], chunk));
  return { query: query!, key: key!, value: value!, logDecay: logDecay!, a: a!, b: b! };
}

/** Rows [chunks·lanes, chunk, key] with their decay from the start of the chunk (a, query) or to its end (b, key). */
interface DecayedRows {
  readonly query: tf.Tensor;
  readonly a: tf.Tensor;
  readonly b: tf.Tensor;
  readonly key: tf.Tensor;
  /** The decays of the rows, and of the whole chunk, [chunks·lanes, 1, key]. */
  readonly upTo: tf.Tensor;
  readonly before: tf.Tensor;
  readonly after: tf.Tensor;
  readonly whole: tf.Tensor;
}

function decayedRows({ query, key, logDecay, a, b }: ChunkedSteps): DecayedRows {
  const { upTo, before, after } = sums(logDecay.shape[1]!);
  const decay = (matrix: tf.Tensor) => tf.exp(tf.matMul(matrix, logDecay));
  const decays = { upTo: decay(upTo), before: decay(before), after: decay(after) };
  return {
    ...decays,
    whole: tf.exp(tf.sum(logDecay, 1, true)),
    query: tf.mul(query, decays.upTo),
    a: tf.mul(a, decays.before),
    b: tf.mul(b, decays.after),
    key: tf.mul(key, decays.after),
  };
}

/** Passes the state from chunk to chunk. Returns the states before each, [chunks·lanes, value, key], and the last. */
function chunkStates(
  { value }: ChunkedSteps,
  { inverse, aKey }: ChunkMatrices,
  { a, b, key, whole }: DecayedRows,
  initial: tf.Tensor,
): { starts: tf.Tensor; last: tf.Tensor } {
  const lanes = initial.shape[0]!;
  const ofState = inChunks(tf.matMul(inverse, a), lanes); // U without the part of the values is this times Sᵀ
  const ofValues = tf.matMul(inverse, tf.matMul(aKey, value));
  const written = inChunks(tf.add(tf.matMul(ofValues, b, true), tf.matMul(value, key, true)), lanes);
  const [ends, wholes] = [inChunks(b, lanes), inChunks(whole, lanes)];
  const starts: tf.Tensor[] = [];
  let state = initial;
  for (const [k, rows] of ofState.entries()) {
    starts.push(state);
    const removed = tf.matMul(tf.matMul(rows, state, false, true), ends[k]!, true);
    state = total([tf.mul(state, wholes[k]!), removed, written[k]!]);
  }
  return { starts: joined(starts), last: state };
}

/** U, the rows S_(t−1)·a_t, [chunks·lanes, chunk, value]. */
function replacedRows(
  { value }: ChunkedSteps,
  { inverse, aKey }: ChunkMatrices,
  { a }: DecayedRows,
  starts: tf.Tensor,
): tf.Tensor {
  return tf.matMul(inverse, tf.add(tf.matMul(a, starts, false, true), tf.matMul(aKey, value)));
}

type StepGradients = { -readonly [Name in keyof ChunkedSteps]: tf.Tensor };

function gradients(
  steps: ChunkedSteps,
  matrices: ChunkMatrices,
  starts: tf.Tensor,
  dOutputs: tf.Tensor,
  dLast: tf.Tensor,
  lanes: number,
): StepGradients & { readonly initial: tf.Tensor } {
  const { inverse, aKey, queryB, queryKey } = matrices;
  const decayed = decayedRows(steps);
  const { ends, initial } = stateGradients(matrices, decayed, dOutputs, dLast, lanes);
  const u = replacedRows(steps, matrices, decayed, starts);

  const dU = tf.add(tf.matMul(queryB, dOutputs, true), tf.matMul(decayed.b, ends, false, true));
  const dSystem = tf.matMul(inverse, dU, true); // with respect to (I − A)·U
  const dValue = total([
    tf.matMul(queryKey, dOutputs, true),
    tf.matMul(decayed.key, ends, false, true),
    tf.matMul(aKey, dSystem, true),
  ]);

  // Products of a step with itself, which no decay enters.
  const ofB = tf.sum(tf.mul(dOutputs, u), 2, true);
  const ofKey = tf.sum(tf.mul(dOutputs, steps.value), 2, true);

  const [dA, dQuery] = [tf.matMul(dSystem, starts), tf.matMul(dOutputs, starts)];
  const [dB, dKey] = [tf.matMul(u, ends), tf.matMul(steps.value, ends)];
  const whole = tf.mul(decayed.whole, tf.sum(tf.mul(ends, starts), 1, true));
  const { upTo, before, after } = sums(steps.logDecay.shape[1]!);
  const result: StepGradients = {
    value: dValue,
    query: total([tf.mul(dQuery, decayed.upTo), tf.mul(ofB, steps.b), tf.mul(ofKey, steps.key)]),
    key: tf.add(tf.mul(dKey, decayed.after), tf.mul(ofKey, steps.query)),
    a: tf.mul(dA, decayed.before),
    b: tf.add(tf.mul(dB, decayed.after), tf.mul(ofB, steps.query)),
    logDecay: total([
      summedBack(upTo, tf.mul(dQuery, decayed.query)),
      summedBack(before, tf.mul(dA, decayed.a)),
      summedBack(after, tf.add(tf.mul(dB, decayed.b), tf.mul(dKey, decayed.key))),
      tf.mul(whole, tf.onesLike(steps.logDecay)),
    ]),
  };
  for (let half = 1; half < steps.query.shape[1]!; half *= 2) {
    addBorderGradients(result, steps, half, {
      later: tf.concat([halves(dSystem, half)[1], halves(dOutputs, half)[1]], 1),
      earlier: tf.concat([halves(u, half)[0], halves(steps.value, half)[0]], 1),
    });
  }
  return { ...result, initial };
}

/**
 * Passes the gradient of the state back from chunk to chunk: dS = dS'·diag(w_1·…·w_C) + dOᵀ·Q̃ + (dSystem)ᵀ·Ã. Returns
 * those with respect to the states after each chunk, [chunks·lanes, value, key], and to the first state.
 */
function stateGradients(
  { inverse, queryB }: ChunkMatrices,
  { query, a, b, whole }: DecayedRows,
  dOutputs: tf.Tensor,
  dLast: tf.Tensor,
  lanes: number,
): { ends: tf.Tensor; initial: tf.Tensor } {
  const ofOutputs = tf.matMul(inverse, tf.matMul(queryB, dOutputs, true), true);
  const read = inChunks(tf.add(tf.matMul(dOutputs, query, true), tf.matMul(ofOutputs, a, true)), lanes);
  const ofState = inChunks(tf.matMul(inverse, b, true), lanes);
  const [starts, wholes] = [inChunks(a, lanes), inChunks(whole, lanes)];
  const ends: tf.Tensor[] = [];
  let gradient = dLast;
  for (let k = read.length - 1; k >= 0; k--) {
    ends.unshift(gradient);
    const removed = tf.matMul(tf.matMul(ofState[k]!, gradient, false, true), starts[k]!, true);
    gradient = total([tf.mul(gradient, wholes[k]!), removed, read[k]!]);
  }
  return { ends: joined(ends), initial: gradient };
}

/** Adds the gradients through the products of later with earlier halves of blocks. */
function addBorderGradients(
  result: StepGradients,
  steps: ChunkedSteps,
  half: number,
  rows: { readonly later: tf.Tensor; readonly earlier: tf.Tensor },
): void {
  const factors = borderFactors(steps, half);
  const dProducts = tf.matMul(rows.later, rows.earlier, false, true); // [blocks, 2·half, 2·half]
  const dLater = tf.matMul(dProducts, factors.earlier);
  const dEarlier = tf.matMul(dProducts, factors.later, true);
  const [dA, dQuery] = tf.split(dLater, 2, 1) as [tf.Tensor, tf.Tensor];
  const [dB, dKey] = tf.split(dEarlier, 2, 1) as [tf.Tensor, tf.Tensor];
  const [ofA, ofQuery] = tf.split(tf.mul(dLater, factors.later), 2, 1) as [tf.Tensor, tf.Tensor];
  const ofEarlier = total(tf.split(tf.mul(dEarlier, factors.earlier), 2, 1));
  const { upTo, before, after } = sums(half);
  const none = tf.zerosLike(dA);
  const add = (name: keyof ChunkedSteps, first: tf.Tensor, second: tf.Tensor) => {
    result[name] = tf.add(result[name], tf.reshape(tf.concat([first, second], 1), result[name].shape));
  };
  add('query', none, tf.mul(dQuery, factors.decayUpTo));
  add('a', none, tf.mul(dA, factors.decayBefore));
  add('key', tf.mul(dKey, factors.decayAfter), none);
  add('b', tf.mul(dB, factors.decayAfter), none);
  add('logDecay', summedBack(after, ofEarlier), tf.add(summedBack(upTo, ofQuery), summedBack(before, ofA)));
}

/** The gradient of sums' rows, from that of the sums; `matrix` is one of {@link sums}. */
function summedBack(matrix: tf.Tensor, gradient: tf.Tensor): tf.Tensor {
  return tf.matMul(matrix, gradient, true);
}

/** [chunks·lanes, …] → a tensor [lanes, …] for each chunk. */
function inChunks(rows: tf.Tensor, lanes: number): tf.Tensor[] {
  const count = rows.shape[0]! / lanes;
  return count === 1 ? [rows] : tf.split(rows, count, 0);
}

/** The sum of tensors of one shape. ONNX's operator for many summands is lacking on WebGPU. */
function total(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tensors.reduce((sum, tensor) => tf.add(sum, tensor));
}

function joined(chunks: tf.Tensor[]): tf.Tensor {
  return chunks.length === 1 ? chunks[0]! : tf.concat(chunks, 0);
}
