/** The flags that name the model to use: a checkpoint or a bundle, exactly one of them. */

import type { Tokenizer } from '@unroll/core/text';
import { type Command, Option } from 'commander';
import type { DecodingModel } from '../decoding/decoding-model.js';
import { UsageError } from '../errors.js';
import { log } from '../terminal/log.js';

export interface ModelFlags {
  checkpoint?: string;
  bundle?: string;
}

export function addModelFlags(command: Command): Command {
  return command
    .option('--checkpoint <dir>', "a folder that 'unroll train' wrote")
    .addOption(new Option('--bundle <dir>', "a folder that 'unroll export' wrote").conflicts('checkpoint'));
}

/** @throws UsageError if neither is given; UnrollError, BundleError naming the fault of the model */
export async function openModel({ checkpoint, bundle }: ModelFlags): Promise<DecodingModel> {
  if (checkpoint === undefined && bundle === undefined) {
    throw new UsageError('give a model: --checkpoint <dir> or --bundle <dir>');
  }
  const { openBundle, openCheckpoint } = await import('../decoding/decoding-model.js');
  return checkpoint === undefined ? openBundle(bundle!) : openCheckpoint(checkpoint);
}

/**
 * Warns on stderr about tokens of a text that the model's vocabulary lacks.
 * @param flag the flag that the text came from
 */
export async function warnOfUnknown(tokenizer: Tokenizer, flag: string, text: string): Promise<void> {
  const { unknownTokens } = await import('../data/fit.js');
  const warning = unknownTokens(tokenizer, flag, text);
  if (warning !== undefined) log(warning, 'warning');
}
