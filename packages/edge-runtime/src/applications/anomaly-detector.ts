/** Finds anomalies in a signal on the device, with a bundle of `unroll train --task anomaly`. */
import { anomalyScores } from '@unroll/core/decoding';
import { checkCount, checkSamples } from '../arguments.js';
import { type LoadApplicationOptions, openApplication } from './load-application.js';

export interface AnomalyDetector extends AsyncDisposable {
  /** Number of values that the model reads before the one that it predicts. */
  readonly context: number;
  /**
   * Scores how unusual each value is: −log₁₀ of the probability of such prediction errors; 0 for the first values. As a
   * threshold, choose a score that few normal values exceed.
   * @param values the signal's values, in their order
   * @param normal number of normal values at the beginning, from which the signal's scale is computed
   * @throws RangeError if there are fewer values than `normal`, or not more than the context
   */
  scores(values: readonly number[], normal: number): Promise<number[]>;
  dispose(): Promise<void>;
}

const schema = {
  model: { context: 'count' },
  likelihood: { longWindow: 'count', shortWindow: 'count', smallestDeviation: 'number' },
} as const;

/**
 * Loads the detector whose bundle is at `address`: the URL of its folder or, in Node, its path. It runs in this thread.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using detector = await loadAnomalyDetector('./anomalies/');
 * const scores = await detector.scores(temperatures, 750);
 */
export async function loadAnomalyDetector(
  address: string | URL,
  options: LoadApplicationOptions = {},
): Promise<AnomalyDetector> {
  const application = await openApplication(address, 'anomaly', schema, options);
  const { model, likelihood } = application.config;
  const { context } = model;
  const dispose = () => application.dispose();
  return {
    context,
    scores: async (values, normal) => {
      checkSamples('values', values);
      checkCount('normal', normal, 0);
      if (values.length < Math.max(normal, context + 1) || normal < 2) {
        throw new RangeError(`scores need at least 2 normal values, and more than ${context} in all`);
      }
      const scaled = scaledBy(values.slice(0, normal), values);
      const errors = Array<number>(context).fill(Number.NaN);
      for (let at = context; at < scaled.length; at++) {
        const window = Float32Array.from(scaled.slice(at - context, at));
        const { forecast } = await application.run('forecast', { window });
        errors.push(Math.abs(scaled[at]! - forecast![0]!));
      }
      return anomalyScores(errors, likelihood, likelihood.smallestDeviation);
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Scales to zero mean and unit variance of the normal values; if these are constant, only shifts. */
function scaledBy(normal: readonly number[], values: readonly number[]): number[] {
  const mean = normal.reduce((sum, value) => sum + value, 0) / normal.length;
  const variance = normal.reduce((sum, value) => sum + (value - mean) ** 2, 0) / normal.length;
  const deviation = variance > 0 ? Math.sqrt(variance) : 1;
  return values.map((value) => (value - mean) / deviation);
}
