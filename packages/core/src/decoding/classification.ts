// Classifies a text step by step on a device. The caller provides the function that runs a step.

/** A recurrent state: values by the names of the graph's inputs. */
export type StateValues = Readonly<Record<string, Float32Array>>;

/** Runs one step of `classifierStepProgram`: takes tokens and a state, returns scores and the next state. */
export type TokenStep = (
  ids: Int32Array,
  state: StateValues,
) => Promise<{ readonly logits: Float32Array; readonly state: StateValues }>;

/**
 * Computes the probability of each class, [classes].
 * @param ids the tokens of the text, at least one
 * @param state the state before the first token, all zeros
 * @throws RangeError if the text has no tokens
 */
export async function classifyIds(step: TokenStep, ids: readonly number[], state: StateValues): Promise<Float32Array> {
  if (ids.length === 0) throw new RangeError('the text has no tokens; give at least a word');
  let result: Awaited<ReturnType<TokenStep>> = { logits: new Float32Array(), state };
  for (const [k, id] of ids.entries()) result = await step(Int32Array.of(id, ids.at(-1 - k)!), result.state);
  return softmax(result.logits);
}

function softmax(logits: Float32Array): Float32Array {
  const greatest = Math.max(...logits);
  const exponentials = logits.map((value) => Math.exp(value - greatest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
