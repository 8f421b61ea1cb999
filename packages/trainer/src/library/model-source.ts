/** A model that writes or scores text, from the options that name it: a checkpoint or a bundle, exactly one of them. */
import type { DecodingModel } from '../decoding/decoding-model.js';
import { openBundle, openCheckpoint } from '../decoding/decoding-model.js';
import { UsageError } from '../errors.js';
import { path } from './in-code.js';

/** A language model in a folder. */
export interface ModelSource {
  /** A folder that `train` or `importModel` wrote. */
  readonly checkpoint?: string | undefined;
  /** A folder that `exportBundle` wrote, in place of `checkpoint`. */
  readonly bundle?: string | undefined;
}

export const sourceFields = { checkpoint: path.optional(), bundle: path.optional() };

/** @throws UsageError unless exactly one is given; UnrollError, BundleError naming the fault of the model */
export async function openModel({ checkpoint, bundle }: ModelSource): Promise<DecodingModel> {
  if (checkpoint === undefined && bundle === undefined) throw new UsageError('give a model: --checkpoint or --bundle');
  if (checkpoint !== undefined && bundle !== undefined) {
    throw new UsageError('--checkpoint and --bundle: leave one of them out');
  }
  return checkpoint === undefined ? openBundle(bundle!) : openCheckpoint(checkpoint);
}
