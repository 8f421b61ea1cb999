/** Reads tokens in as few runs as a model allows: one by one, unless it takes many at once (`StepModel.read`). */
import type { StepModel } from './step.js';

/**
 * The most tokens in a run. Longer runs gain nothing on a CPU, and their logits take memory, vocabulary size times
 * tokens.
 */
const longestRun = 128;

/** Groups tokens for `readRun`. */
export function* runsOf<State>(
  { read }: Pick<StepModel<State>, 'read'>,
  tokens: Iterable<number>,
): Generator<number[], void, undefined> {
  const longest = read ? longestRun : 1;
  let run: number[] = [];
  for (const token of tokens) {
    run.push(token);
    if (run.length < longest) continue;
    yield run;
    run = [];
  }
  if (run.length > 0) yield run;
}

/** Reads one run. Returns the logits [tokens·vocab] after each of its tokens, and the state after its last. */
export function readRun<State>(model: StepModel<State>, state: State, run: readonly number[]) {
  return model.read ? model.read(state, run) : model.step(state, run[0]!);
}

/**
 * Reads tokens and returns the state after the last one.
 * @throws the signal's reason when it aborts, between two runs
 */
export async function stateAfter<State>(
  model: StepModel<State>,
  state: State,
  tokens: Iterable<number>,
  signal: AbortSignal | undefined,
): Promise<State> {
  let reached = state;
  for (const run of runsOf(model, tokens)) {
    signal?.throwIfAborted();
    ({ state: reached } = await readRun(model, reached, run));
  }
  return reached;
}
