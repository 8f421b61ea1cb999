// A seeded stream of random numbers that is the same in Node and in every browser. Good for sampling and shuffling, not
// for secrets.

/** The next number of a stream, uniform in [0, 1). */
export type Random = () => number;

/**
 * The random numbers of `seed`: Chris Doty-Humphrey's sfc32 ("Small Fast Counter", from PractRand), 128 bits of state
 * in 32-bit integer operations, which JavaScript does exactly.
 *
 * @param seed an integer in [0, 2^53)
 * @throws RangeError for any other seed
 */
export function seededRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`seed ${seed}: must be an integer from 0 to 2^53 - 1`);
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
  // PractRand's own seeding discards the first numbers, in which similar seeds are still similar.
  for (let i = 0; i < 15; i++) next();
  return next;
}
