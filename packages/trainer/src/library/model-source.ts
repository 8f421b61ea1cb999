/** A model that writes or scores text, opened from the options that name it. */
import type { DecodingModel } from '../decoding/decoding-model.js';
import { openBundle, openCheckpoint } from '../decoding/decoding-model.js';
import { path } from './in-code.js';
import { type ModelSource, requireOneSource } from './one-source.js';

export const sourceFields = { checkpoint: path.optional(), bundle: path.optional() };

/** @throws UsageError unless exactly one is given; UnrollError, BundleError naming the fault of the model */
export async function openModel({ checkpoint, bundle }: ModelSource): Promise<DecodingModel> {
  requireOneSource({ checkpoint, bundle });
  return checkpoint === undefined ? openBundle(bundle!) : openCheckpoint(checkpoint);
}
