/**
 * Limits forgetting by keeping only a part of what was learned: a point on the line from the bundle's parameters to the
 * trained ones (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", section 3).
 */
import { adaptersOf } from '@unroll/core/onnx';
import type { Parameters } from './parameters.js';

/** The most by which the perplexity of the model's own earlier text may rise: 1.5 %. */
const largestRise = 1.015;

const bisections = 5;

/**
 * Finds the largest share in [0, 1], to 1/32, for which `riseAt` stays within `limit`. Assumes that it is 1 at 0 and
 * grows.
 * @param riseAt the perplexity with this share divided by the one without
 */
export async function largestShare(riseAt: (share: number) => Promise<number>, limit = largestRise): Promise<number> {
  if ((await riseAt(1)) <= limit) return 1;
  let [within, beyond] = [0, 1];
  for (let i = 0; i < bisections; i++) {
    const share = (within + beyond) / 2;
    if ((await riseAt(share)) <= limit) within = share;
    else beyond = share;
  }
  return within;
}

/**
 * Moves values the `share` of the way from `base` to the trained ones: parameters directly, adapters by their product.
 */
export function withShare(trained: Parameters, base: Parameters, share: number): Parameters {
  if (share === 1) return trained;
  const ups = new Set(Array.from(base.keys(), (name) => adaptersOf(name).up));
  const partly = (name: string, values: Float32Array<ArrayBuffer>) => {
    const from = base.get(name);
    if (from) return values.map((value, i) => from[i]! + share * (value - from[i]!));
    return ups.has(name) ? values.map((value) => share * value) : values;
  };
  return new Map(Array.from(trained, ([name, values]) => [name, partly(name, values)]));
}
