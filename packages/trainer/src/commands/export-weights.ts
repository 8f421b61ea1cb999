/** `unroll export-weights`: a checkpoint's parameters in a file of another framework. */
import { open, rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { encodeSafetensors } from '../checkpoint/safetensors.js';
import { UnrollError, UsageError } from '../errors.js';
import { torchTensors } from '../import/torch-weights.js';
import { encodeTorchFile } from '../import/torch-writer.js';
import { megabytes } from '../terminal/progress.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ExportWeightsFlags {
  checkpoint: string;
  out: string;
  json?: boolean;
}

interface ExportWeightsResult {
  readonly weights: string;
  readonly bytes: number;
  /** The names of the tensors. */
  readonly tensors: readonly string[];
}

export function addExportWeights(program: Command): void {
  const command = program
    .command('export-weights')
    .description('write the parameters of a checkpoint as a state_dict for PyTorch: encoder, rnn and decoder')
    .requiredOption('--checkpoint <dir>', "a folder that 'unroll train' or 'unroll import' wrote")
    .addOption(new Option('--to <framework>', 'what will read it').choices(['pytorch']).makeOptionMandatory())
    .requiredOption('--out <file>', 'a new file: .pt for torch.load, or .safetensors')
    .addOption(jsonOption())
    .action(async (flags: ExportWeightsFlags) => {
      const result = await exportWeights(flags);
      printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'export-weights --checkpoint runs/first --to pytorch --out first.pt',
    'export-weights --checkpoint runs/first --to pytorch --out first.safetensors',
  );
}

async function exportWeights({ checkpoint, out }: ExportWeightsFlags): Promise<ExportWeightsResult> {
  const format = extname(out);
  if (format !== '.pt' && format !== '.safetensors') {
    throw new UsageError(`--out: ${out} ends neither in .pt nor in .safetensors, which say what to write`);
  }
  const { config, parameters } = await readCheckpoint(checkpoint);
  const tensors = torchTensors(config, parameters);
  const parts = format === '.pt' ? [encodeTorchFile(tensors)] : encodeSafetensors(Object.fromEntries(tensors));
  await writeNewFile(out, parts);
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  return { weights: out, bytes, tensors: [...tensors.keys()] };
}

/** @throws UnrollError if the file exists or cannot be written; nothing of it is then left */
async function writeNewFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EEXIST' ? 'exists already' : `cannot be written (${error.code})`;
    throw new UnrollError(`${path}: ${why}; choose another --out`);
  });
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw new UnrollError(
      `${path}: cannot be written (${(error as NodeJS.ErrnoException).code}); choose another --out`,
    );
  } finally {
    await file.close();
  }
}

function describe({ weights, bytes, tensors }: ExportWeightsResult): string {
  return `${weights}: ${tensors.length} tensors, ${megabytes(bytes)} MB: ${tensors.join(', ')}`;
}
