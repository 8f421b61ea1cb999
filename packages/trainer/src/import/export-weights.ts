/** Exports a checkpoint's parameters to a file of another framework. */
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { requireFiniteParameters } from '../checkpoint/finite.js';
import { encodeSafetensors } from '../checkpoint/safetensors.js';
import { writeNewFile } from '../files/new-file.js';
import { torchTensors } from './torch-weights.js';
import { encodeTorchFile } from './torch-writer.js';

export interface ExportWeightsResult {
  readonly weights: string;
  readonly bytes: number;
  /** Names of the tensors. */
  readonly tensors: readonly string[];
}

/** The formats, named by their file endings. */
export type WeightsFormat = '.pt' | '.safetensors';

/**
 * Writes a checkpoint's parameters to a new file.
 * @throws UnrollError if the checkpoint cannot be read or the file cannot be written
 */
export async function exportWeights(
  checkpoint: string,
  out: string,
  format: WeightsFormat,
): Promise<ExportWeightsResult> {
  const { config, parameters } = await readCheckpoint(checkpoint);
  requireFiniteParameters(parameters, checkpoint);
  const tensors = torchTensors(config, parameters);
  const parts = format === '.pt' ? [encodeTorchFile(tensors)] : encodeSafetensors(Object.fromEntries(tensors));
  await writeNewFile(out, parts);
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  return { weights: out, bytes, tensors: [...tensors.keys()] };
}
