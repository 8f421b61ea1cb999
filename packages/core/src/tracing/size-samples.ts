/** Sizes with which a function is traced several times, so that those left open can be told from those that are fixed. */

/** A size to be left open. */
export interface OpenSize {
  readonly name: string;
  /** The smallest size to trace with; default 11. */
  readonly least?: number;
}

/** An open size and its value in each trace. */
export interface SampledSize {
  readonly name: string;
  readonly samples: readonly number[];
}

/** Number of traces: two determine a linear function of a size, the third confirms it. */
export const sampleCount = 3;

/**
 * Returns the sizes of each trace.
 * @param taken sizes that occur otherwise, and are avoided
 */
export function sizeSamples(sizes: readonly OpenSize[], taken: ReadonlySet<number>): Record<string, number>[] {
  const free = primesFrom(11, taken);
  const samples: Record<string, number>[] = Array.from({ length: sampleCount }, () => ({}));
  for (const { name, least = 11 } of sizes) {
    for (const [trial, sample] of samples.entries()) {
      const at = free.findIndex((prime) => prime >= least);
      const [prime] = free.splice(at, 1);
      // One size is even: rounding up and down then differ from trace to trace.
      sample[name] = trial === sampleCount - 1 ? prime! * 2 : prime!;
    }
  }
  return samples;
}

/** Returns a function that makes up sizes which none of the samples has, the same sequence for each trace. */
export function unknownSizes(trial: number): () => number {
  const free = primesFrom(1009, new Set());
  let count = 0;
  return () => free[sampleCount * count++ + trial]!;
}

function primesFrom(least: number, taken: ReadonlySet<number>): number[] {
  const isPrime = (n: number) => {
    for (let k = 2; k * k <= n; k++) if (n % k === 0) return false;
    return true;
  };
  return Array.from({ length: 4000 }, (_, k) => least + k).filter(
    (n) => isPrime(n) && !taken.has(n) && !taken.has(2 * n),
  );
}
