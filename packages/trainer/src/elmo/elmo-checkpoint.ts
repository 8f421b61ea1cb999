/** Checkpoints of ELMo's bidirectional language model without its output layer; `checkpoint/checkpoint-files.ts` describes the files. */
import { type ElmoConfig, elmoConfig, elmoParameterShapes } from '@unroll/core';
import type { Arrays } from '../checkpoint/arrays.js';
import { CheckpointFiles, inspectModel, writeCheckpointFiles } from '../checkpoint/checkpoint-files.js';
import { UnrollError } from '../errors.js';

/** The kind of model, in a checkpoint's `config.json` and a bundle's manifest. */
export const elmoKind = 'elmo';

export interface ElmoCheckpoint {
  readonly config: ElmoConfig;
  /** By the names of `elmoParameterShapes`. */
  readonly parameters: Arrays;
}

/** Writes the checkpoint. It has no training state. */
export async function writeElmoCheckpoint(folder: string, { config, parameters }: ElmoCheckpoint): Promise<void> {
  const shapes = elmoParameterShapes(config);
  await writeCheckpointFiles(folder, { kind: elmoKind, config, parameters: { shapes, arrays: parameters } });
}

/** Whether the folder has a checkpoint of ELMo. */
export async function isElmoCheckpoint(folder: string): Promise<boolean> {
  if ((await inspectModel(folder)) !== 'ours') return false;
  return (await CheckpointFiles.readOnly(folder, 'config.json')).model().kind === elmoKind;
}

/**
 * Reads a checkpoint.
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readElmoCheckpoint(folder: string): Promise<ElmoCheckpoint> {
  const files = await CheckpointFiles.read(folder);
  const { kind, config: fields } = files.model();
  if (kind !== elmoKind) {
    throw new UnrollError(
      `${folder}: is a checkpoint of '${kind}', not of ELMo; name one that 'unroll import --from bilm' wrote`,
    );
  }
  const config = files.json('config.json', () => elmoConfig(fields));
  return { config, parameters: files.parameters(elmoParameterShapes(config)) };
}
