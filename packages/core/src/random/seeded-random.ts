// A seeded stream of random numbers, the same in Node and in every browser. Use it for sampling and shuffling, not for
// secrets.

/** Returns the next number of a stream, uniform in [0, 1). */
export type Random = () => number;

/**
 * Creates the stream of random numbers for `seed`: Chris Doty-Humphrey's sfc32 ("Small Fast Counter", from PractRand).
 * Its 128 bits of state use 32-bit integer operations, which are exact in JavaScript.
 *
 * @param seed an integer in [0, 2^53)
 * @throws RangeError for any other seed
 */
export function seededRandom(seed: number): Random {
  requireSeed(seed);
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = 0;
  let counter = 1;
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // PractRand's own seeding discards the first numbers too: similar seeds give similar numbers at first.
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** @throws RangeError unless the seed is an integer in [0, 2^53) */
export function requireSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`seed ${seed}: must be an integer from 0 to 2^53 - 1`);
  }
}
