// Recognizes a recording step by step on a device. The caller provides the functions that run the graphs.
import { joined, outputsFromBothEnds } from './both-ends.js';

type Values = Readonly<Record<string, Float32Array>>;

/** Functions that run the graphs of a recognizer's bundle. */
export interface RecognizerSteps {
  readonly hiddenDim: number;
  /** Runs `recognizerStepProgram`: takes two frames and the state, returns features and the next state. */
  readonly step: (inputs: Values) => Promise<Values>;
  /** Runs `recognizerOutputProgram`: takes a frame's features from both directions, returns its logits. */
  readonly output: (inputs: Values) => Promise<Values>;
}

/**
 * Computes the logits of each frame of a recording, [frames, classes].
 * @param frames [frames, frameLength], at least one
 * @throws RangeError if there are no frames
 */
export async function recognizeFrames(
  { hiddenDim, step, output }: RecognizerSteps,
  frames: Float32Array,
  frameLength: number,
): Promise<Float32Array> {
  const count = frames.length / frameLength;
  if (count === 0) throw new RangeError('the recording is shorter than a frame of 25 ms; give a longer one');
  const frame = (t: number) => frames.subarray(t * frameLength, (t + 1) * frameLength);
  const model = {
    hiddenDim,
    step: (front: number, back: number, state: Values) =>
      step({ frames: joined([frame(front), frame(back)]), ...state }),
    output: async (features: Float32Array) => (await output({ features })).logits!,
  };
  return joined(await outputsFromBothEnds(model, count));
}
