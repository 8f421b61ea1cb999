// Runs a bidirectional model over a sequence step by step on a device. The caller provides the functions that run the
// graphs.
import { nextOf } from '../tensors/roles.js';

type Values = Readonly<Record<string, Float32Array>>;

/** Functions that run the graphs of a model that reads from both ends. */
export interface BothEndsModel {
  readonly hiddenDim: number;
  /**
   * Runs one step from both ends, over the elements `front` and `back` of the sequence and a state: returns
   * `features.0` of the first, `features.0_reverse` of the second, and `next.*` of the state.
   */
  readonly step: (front: number, back: number, state: Values) => Promise<Values>;
  /** Runs the output layer for one element: takes its features from both directions. */
  readonly output: (features: Float32Array) => Promise<Float32Array>;
}

const sides = ['0', '0_reverse'] as const;

/** Computes the outputs for each element of a sequence, in its order. */
export async function outputsFromBothEnds(
  { hiddenDim, step, output }: BothEndsModel,
  count: number,
): Promise<Float32Array[]> {
  let state: Values = Object.fromEntries(
    sides.flatMap((side) => ['h', 'c'].map((kind) => [`${kind}.${side}`, new Float32Array(hiddenDim)])),
  );
  const features = Array.from({ length: count }, () => new Float32Array(2 * hiddenDim));
  for (let front = 0; front < count; front++) {
    const back = count - 1 - front;
    const outputs = await step(front, back, state);
    features[front]!.set(outputs['features.0']!, 0);
    features[back]!.set(outputs['features.0_reverse']!, hiddenDim);
    state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[nextOf(name)]!]));
  }
  const results: Float32Array[] = [];
  for (const each of features) results.push(await output(each));
  return results;
}

/** Joins arrays into one. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
