/**
 * The loss of a model over a text, in one lane with carried state: every token is predicted once, from all tokens
 * before it.
 */
import { setImmediate } from 'node:timers/promises';
import { evaluationProgram, type LanguageModelConfig, type Program, stateShapes } from '@unroll/core';
import { type Batch, evaluationBatches } from '../data/batches.js';
import type { TokenIds } from '../data/token-ids.js';
import { type Engine, type Executable, type Residents, zeros } from '../engines/engine.js';
import type { NeuralCache } from './neural-cache.js';

/** Tokens in one run. The text's loss does not depend on this number. */
export const evaluationWindow = 128;

export interface Evaluation {
  readonly tokens: number;
  /** Mean over the tokens, in nats. */
  readonly loss: number;
  readonly perplexity: number;
}

/** The parts of an evaluator, which runs a program over a text, window by window. */
export interface EvaluatorParts {
  /**
   * A program with the inputs and outputs of `evaluationProgram` for one sequence of `window` tokens; it may also take
   * `lossWeights`.
   */
  readonly program: Program;
  readonly window: number;
  /** Residents that the program reads and does not change. */
  readonly constants: readonly Residents[];
  /** Residents that the program changes; zero at the start of a text. */
  readonly state: Residents;
  readonly cache?: NeuralCache | undefined;
}

export class Evaluator implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #parts: EvaluatorParts;
  #executable: Executable | undefined;

  /**
   * The evaluator disposes of the state and the cache. It compiles the program when it first evaluates a text. So
   * training, which evaluates at the end of an epoch, does not wait for this at its beginning.
   */
  constructor(engine: Engine, parts: EvaluatorParts) {
    this.#engine = engine;
    this.#parts = parts;
  }

  /** Creates an evaluator of a model with the current values of the residents `parameters`. */
  static of(engine: Engine, config: LanguageModelConfig, parameters: Residents, cache?: NeuralCache): Evaluator {
    const window = evaluationWindow;
    const program = evaluationProgram(config, { batch: 1, time: window });
    const state = engine.allocate(zeros(stateShapes(config, 1)));
    return new Evaluator(engine, { program, window, constants: [parameters], state, cache });
  }

  /**
   * Yields the losses of the tokens `ids`, in order, in nats.
   * @param startId the context of the first token; without it, that token has no loss
   */
  async *tokenLosses(ids: TokenIds, startId: number | undefined): AsyncGenerator<Float32Array | Float64Array> {
    const { program, window, constants, state, cache } = this.#parts;
    this.#executable ??= await this.#engine.compile(program, [...constants, state]);
    state.clear();
    await cache?.clear();
    for (const batch of evaluationBatches(ids, startId, window)) {
      const { tokenLosses, features } = await this.#executable.run(inputsOf(batch, window));
      const losses = tokenLosses!.subarray(0, batch.steps);
      yield cache ? await cache.mix(losses, features!, batch.targets) : losses;
      await setImmediate();
    }
  }

  /** Evaluates a text, yielding the number of completed tokens from time to time. */
  evaluate(ids: TokenIds, startId: number | undefined): AsyncGenerator<number, Evaluation, undefined> {
    return meanOfLosses(this.tokenLosses(ids, startId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executable?.dispose();
    this.#parts.state.dispose();
    await this.#parts.cache?.[Symbol.asyncDispose]();
  }
}

/** Sums losses in nats, yielding the number of completed tokens from time to time. */
export async function* meanOfLosses(
  tokenLosses: AsyncIterable<ArrayLike<number> & Iterable<number>>,
): AsyncGenerator<number, Evaluation, undefined> {
  let sum = 0;
  let tokens = 0;
  for await (const losses of tokenLosses) {
    for (const loss of losses) sum += loss;
    tokens += losses.length;
    yield tokens;
  }
  const loss = sum / tokens;
  return { tokens, loss, perplexity: Math.exp(loss) };
}

/** Returns a batch as inputs. A batch shorter than the window is padded with tokens of weight 0. */
export function inputsOf(batch: Batch, window: number): Record<string, Float32Array | Int32Array> {
  const rows = window * batch.lanes;
  const lossWeights = new Float32Array(rows).fill(1 / batch.ids.length, 0, batch.ids.length);
  return { ids: padded(batch.ids, rows), targets: padded(batch.targets, rows), lossWeights };
}

function padded(ids: Int32Array, rows: number): Int32Array {
  if (ids.length === rows) return ids;
  const whole = new Int32Array(rows);
  whole.set(ids);
  return whole;
}
