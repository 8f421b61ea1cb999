// The one thing that decoding asks of a model, so that it knows no runtime.

/** What a model says after it has read a token. */
export interface StepResult<State> {
  /** Scores of the next token, `[vocabulary]`: an array of this step's own, which no later step overwrites. */
  readonly logits: Float32Array;
  /** What the model remembers, to be handed to the next step. */
  readonly state: State;
}

/**
 * Reads one token. A state may be read more than once (beam search does), so a step leaves the state that it was given
 * as it was.
 */
export type Step<State> = (state: State, token: number) => Promise<StepResult<State>>;

/**
 * Reads `prompt` token by token from `state`; the result says what follows it.
 *
 * @throws RangeError if the prompt is empty; the signal's reason if it is aborted
 */
export async function readPrompt<State>(
  step: Step<State>,
  state: State,
  prompt: readonly number[],
  signal: AbortSignal | undefined,
): Promise<StepResult<State>> {
  const [first, ...rest] = prompt;
  if (first === undefined) throw new RangeError('prompt: is empty; start from the end-of-line id');
  signal?.throwIfAborted();
  let result = await step(state, first);
  for (const token of rest) {
    signal?.throwIfAborted();
    result = await step(result.state, token);
  }
  return result;
}
