/**
 * Plain stochastic gradient descent, as one loop over memory. ONNX Runtime copies results out and then into the vector,
 * so a server would take twice the time, while all workers wait. The result has the same bits as that of
 * `onnx-update-rule.ts`.
 */
import { NotFinite, type UpdateRule } from './update-rule.js';

/** @param clipNorm the largest norm of the whole model's gradient */
export function sgdUpdateRule(clipNorm: number | undefined): UpdateRule {
  return {
    async apply({ values: { parameters }, gradient: { values, ranges }, learningRate, sumOfSquares, isChecked }) {
      const scale = Math.fround(clipScale(Math.fround(sumOfSquares), clipNorm) * Math.fround(learningRate));
      const move = isChecked ? descendChecked : descend;
      for (let k = 0; k < ranges.length; k += 2) move(parameters, values, scale, ranges[k]!, ranges[k + 1]!);
    },
  };
}

/** Same as `clipScale` of `@unroll/core`, in float32. */
function clipScale(sumOfSquares: number, clipNorm: number | undefined): number {
  if (clipNorm === undefined) return 1;
  return Math.min(1, Math.fround(Math.fround(clipNorm) / Math.fround(Math.sqrt(sumOfSquares))));
}

function descend(parameters: Float32Array, gradient: Float32Array, scale: number, from: number, to: number): void {
  for (let i = from; i < to; i++) parameters[i] = parameters[i]! - Math.fround(gradient[i]! * scale);
}

/** Same as {@link descend}, but writes nothing if a value would not be finite. */
function descendChecked(
  parameters: Float32Array,
  gradient: Float32Array,
  scale: number,
  from: number,
  to: number,
): void {
  const updated = parameters.slice(from, to);
  descend(updated, gradient.subarray(from, to), scale, 0, to - from);
  const at = updated.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new NotFinite(from + at, updated[at]!, 'parameters');
  parameters.set(updated, from);
}
