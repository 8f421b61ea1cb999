/** The flags that name the model to use: a checkpoint or a bundle, exactly one of them. */
import { type Command, Option } from 'commander';

export interface ModelFlags {
  checkpoint?: string;
  bundle?: string;
}

export function addModelFlags(command: Command): Command {
  return command
    .option('--checkpoint <dir>', "a folder that 'unroll train' wrote")
    .addOption(new Option('--bundle <dir>', "a folder that 'unroll export' wrote").conflicts('checkpoint'));
}
