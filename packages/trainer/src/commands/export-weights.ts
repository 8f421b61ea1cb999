/** `unroll export-weights`: a checkpoint's parameters in a file of another framework. */
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import type { ExportWeightsResult, WeightsFormat } from '../import/export-weights.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ExportWeightsFlags {
  checkpoint: string;
  out: string;
  json?: boolean;
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
      const format = formatOf(flags.out);
      const { exportWeights } = await import('../import/export-weights.js');
      const result = await exportWeights(flags.checkpoint, flags.out, format);
      await printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'export-weights --checkpoint runs/first --to pytorch --out first.pt',
    'export-weights --checkpoint runs/first --to pytorch --out first.safetensors',
  );
}

function formatOf(out: string): WeightsFormat {
  const format = extname(out);
  if (format === '.pt' || format === '.safetensors') return format;
  throw new UsageError(`--out: ${out} ends neither in .pt nor in .safetensors, which say what to write`);
}

function describe({ weights, bytes, tensors }: ExportWeightsResult): string {
  return `${weights}: ${tensors.length} tensors, ${(bytes / 1e6).toFixed(1)} MB: ${tensors.join(', ')}`;
}
