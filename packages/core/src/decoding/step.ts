// The interface through which decoding runs a model, so that decoding depends on no runtime.

/** Result of reading one token. */
export interface DecodingStepResult<State> {
  /** Scores of the next token, `[vocabulary]`: a new array for each step, which no later step overwrites. */
  readonly logits: Float32Array;
  /** The recurrent state, to be passed to the next step. */
  readonly state: State;
}

/**
 * Reads one token. Does not change the given state, because a state may be read more than once (beam search does so).
 */
export type DecodingStep<State> = (state: State, token: number) => Promise<DecodingStepResult<State>>;

/**
 * Reads `prompt` token by token, starting from `state`. The result predicts the token after the prompt.
 *
 * @throws RangeError if the prompt is empty; the signal's reason if it is aborted
 */
export async function readPrompt<State>(
  step: DecodingStep<State>,
  state: State,
  prompt: readonly number[],
  signal: AbortSignal | undefined,
): Promise<DecodingStepResult<State>> {
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
