/**
 * The choice of a model: a checkpoint or a bundle. This file loads nothing else, so that a command can check its flags
 * at once.
 */
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
  if (checkpoint === undefined && bundle === undefined) throw new UsageError('give a model: --checkpoint or --bundle');
  if (checkpoint !== undefined && bundle !== undefined) {
    throw new UsageError('--checkpoint and --bundle: leave one of them out');
  }
}
