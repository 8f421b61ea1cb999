/** The loss of a model over a text: one lane with carried state, so that every token is predicted once from all before it. */
import { setImmediate } from 'node:timers/promises';
import { evaluationProgram, type LanguageModelConfig, stateShapes } from '@unroll/core';
import { evaluationBatches } from '../data/batches.js';
import type { TokenIds } from '../data/token-ids.js';
import { type Engine, type Executable, type Residents, zeros } from '../engines/engine.js';

/** Tokens of one run. The text's loss does not depend on it. */
const window = 128;

export interface Evaluation {
  readonly tokens: number;
  /** The mean over the tokens, in nats. */
  readonly loss: number;
  readonly perplexity: number;
}

export class Evaluator implements AsyncDisposable {
  readonly #executable: Executable;
  readonly #state: Residents;

  private constructor(executable: Executable, state: Residents) {
    this.#executable = executable;
    this.#state = state;
  }

  /** An evaluator of the model whose parameters are the residents `parameters`, whatever they are when it runs. */
  static async create(engine: Engine, config: LanguageModelConfig, parameters: Residents): Promise<Evaluator> {
    const state = engine.allocate(zeros(stateShapes(config, 1)));
    const program = evaluationProgram(config, { batch: 1, time: window });
    return new Evaluator(await engine.compile(program, [parameters, state]), state);
  }

  /**
   * The loss of each token of `ids`, in order, in nats.
   * @param eosId the context of the first token
   */
  async *tokenLosses(ids: TokenIds, eosId: number): AsyncGenerator<Float32Array> {
    for (const name of this.#state.names) this.#state.write(name, (await this.#state.read(name)).fill(0));
    for (const batch of evaluationBatches(ids, eosId, window)) {
      const inputs = { ids: padded(batch.ids), targets: padded(batch.targets) };
      const { tokenLosses } = await this.#executable.run(inputs);
      yield tokenLosses!.subarray(0, batch.steps);
      await setImmediate();
    }
  }

  /** Evaluates, yielding the number of tokens done now and then. */
  evaluate(ids: TokenIds, eosId: number): AsyncGenerator<number, Evaluation, undefined> {
    return meanOfLosses(this.tokenLosses(ids, eosId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executable.dispose();
    this.#state.dispose();
  }
}

/** Adds up losses in nats, yielding the number of tokens done now and then. */
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

function padded(ids: Int32Array): Int32Array {
  if (ids.length === window) return ids;
  const whole = new Int32Array(window);
  whole.set(ids);
  return whole;
}
