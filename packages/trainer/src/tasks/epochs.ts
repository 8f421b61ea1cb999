/** The order of examples in each epoch: a function of the seed and the epoch alone, so that a resumed run finds it again. */
import { type Random, seededRandom } from '@unroll/core/decoding';

/** The random numbers of an epoch. */
export function randomOfEpoch(seed: number, epoch: number): Random {
  return seededRandom(seed + epoch * 0x1_0000_0001);
}

/** Fisher and Yates's shuffle, of a copy. */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const copy = [...items];
  for (let k = copy.length - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    [copy[k], copy[other]] = [copy[other]!, copy[k]!];
  }
  return copy;
}

/**
 * What is trained on at a step, counted from 0.
 * @param batchesOf an epoch, of whose batches there are `stepsPerEpoch`; they are kept until another epoch's are asked for
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
