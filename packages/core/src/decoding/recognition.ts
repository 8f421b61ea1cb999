// Recognizes a recording step by step on a device. The caller provides the functions that run the graphs.

type Values = Readonly<Record<string, Float32Array>>;

/** Functions that run the graphs of a recognizer's bundle. */
export interface RecognizerSteps {
  readonly hiddenDim: number;
  /** Runs `recognizerStepProgram`: takes two frames and the state, returns features and the next state. */
  readonly step: (inputs: Values) => Promise<Values>;
  /** Runs `recognizerOutputProgram`: takes a frame's features from both directions, returns its logits. */
  readonly output: (inputs: Values) => Promise<Values>;
}

const sides = ['0', '0_reverse'] as const;

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
  let state: Values = Object.fromEntries(
    sides.flatMap((side) => ['h', 'c'].map((kind) => [`${kind}.${side}`, new Float32Array(hiddenDim)])),
  );
  const features = Array.from({ length: count }, () => new Float32Array(2 * hiddenDim));
  for (let t = 0; t < count; t++) {
    const outputs = await step({ frames: joined(frame(t), frame(count - 1 - t)), ...state });
    features[t]!.set(outputs['features.0']!, 0);
    features[count - 1 - t]!.set(outputs['features.0_reverse']!, hiddenDim);
    state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[`next.${name}`]!]));
  }
  const logits: Float32Array[] = [];
  for (const each of features) logits.push((await output({ features: each })).logits!);
  return joined(...logits);
}

function joined(...parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
