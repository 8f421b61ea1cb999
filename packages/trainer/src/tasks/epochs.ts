/** The order of examples in each epoch. It depends on the seed and the epoch alone, so a resumed run reproduces it. */
import { type Random, seededRandom } from '@unroll/core/decoding';

/** Returns the random number generator of an epoch. */
export function randomOfEpoch(seed: number, epoch: number): Random {
  return seededRandom(seed + epoch * 0x1_0000_0001);
}

/** Returns a shuffled copy (Fisher–Yates). */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const copy = [...items];
  for (let k = copy.length - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    [copy[k], copy[other]] = [copy[other]!, copy[k]!];
  }
  return copy;
}

/**
 * Returns a function that gives the items of a batch, counted from 0 over all epochs. Every item occurs once per epoch;
 * the last batch of an epoch may be smaller.
 * @param orderOf returns the items in the order of an epoch
 */
export function batchesInOrder<Item>(
  count: number,
  batchSize: number,
  orderOf: (epoch: number) => readonly Item[],
): (batch: number) => readonly Item[] {
  const batchesPerEpoch = Math.ceil(count / batchSize);
  return batchesByStep(batchesPerEpoch, (epoch) => {
    const order = orderOf(epoch);
    return Array.from({ length: batchesPerEpoch }, (_, k) => order.slice(k * batchSize, (k + 1) * batchSize));
  });
}

/**
 * Returns a function that gives the batch of a step, counted from 0.
 * @param batchesOf returns the `stepsPerEpoch` batches of an epoch; they are cached until another epoch's are needed
 */
export function batchesByStep<Batch>(
  stepsPerEpoch: number,
  batchesOf: (epoch: number) => readonly Batch[],
): (step: number) => Batch {
  let current: { readonly epoch: number; readonly batches: readonly Batch[] } | undefined;
  return (step) => {
    const epoch = Math.floor(step / stepsPerEpoch);
    if (current?.epoch !== epoch) current = { epoch, batches: batchesOf(epoch) };
    return current.batches[step % stepsPerEpoch]!;
  };
}
