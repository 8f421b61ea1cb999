/**
 * The choice of a model: a checkpoint or a bundle. This file loads nothing else, so that a command can check its flags
 * at once.
 */
import { option } from '../configuration/option-names.js';
import { UsageError } from '../errors.js';

/** A language model in a folder. */
export interface ModelSource {
  /** A folder that `train` or `importModel` wrote. */
  readonly checkpoint?: string | undefined;
  /** A folder that `exportBundle` wrote, in place of `checkpoint`. */
  readonly bundle?: string | undefined;
}

/** @throws UsageError unless exactly one is given */
export function requireOneSource({ checkpoint, bundle }: ModelSource): void {
  if (checkpoint === undefined && bundle === undefined)
    throw new UsageError(`give a model: ${option('checkpoint')} or ${option('bundle')}`);
  if (checkpoint !== undefined && bundle !== undefined) {
    throw new UsageError(`${option('checkpoint')} and ${option('bundle')}: leave one of them out`);
  }
}
