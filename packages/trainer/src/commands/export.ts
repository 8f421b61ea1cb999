/** `unroll export`: a checkpoint as a bundle for browsers and devices, measured if a text is given. */
import { type Command, Option } from 'commander';
import { EMBEDDED_CORPUS } from '../data/embedded-corpus.js';
import type { BundleExport } from '../evaluation/export-language-model.js';
import type { ExportRequest } from '../library/export-bundle.js';
import type { TaskExport } from '../tasks/export-task.js';
import { interruptible } from '../terminal/interrupt.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ExportFlags extends Omit<ExportRequest, 'personalization'> {
  readonly personalization?: true;
  readonly json?: boolean;
}

export function addExport(program: Command): void {
  const command = program
    .command('export')
    .description('make a bundle for browsers and devices from a checkpoint')
    .requiredOption('--checkpoint <dir>', "a folder that 'unroll train' wrote")
    .requiredOption('--out <dir>', 'where the bundle goes; an older bundle there is replaced')
    .addOption(
      new Option('--quantization <scheme>', 'how weights are stored; auto: each matrix as it is fastest on the target')
        .choices(['auto', 'none', 'int8', 'mixed', 'int4'])
        .default('auto'),
    )
    .addOption(
      new Option('--target <runtime>', 'what will run the bundle, and what is measured')
        .choices(['wasm', 'webgpu', 'node'])
        .default('wasm'),
    )
    .option('--personalization', 'add the graphs for training on the device, which are downloaded only for that')
    .option('--data <path>', `a corpus to measure the perplexity on: a folder, a text file, or '${EMBEDDED_CORPUS}'`)
    .addOption(new Option('--split <name>', 'which part of the corpus').choices(['valid', 'test']).default('test'))
    .option('--module <file>', 'the module that the checkpoint was trained from, if it is of a model of yours')
    .addOption(jsonOption())
    .action(async (flags: ExportFlags) => {
      const { exportCheckpoint } = await import('../library/export-bundle.js');
      const request = { ...flags, personalization: flags.personalization ?? false };
      const result = await interruptible((signal) => exportCheckpoint(request, signal));
      await printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'export --checkpoint runs/first --out bundles/first',
    'export --checkpoint runs/first --out bundles/small --quantization int4 --data grammar',
  );
}

function describe(result: BundleExport | TaskExport): string {
  if ('task' in result) return `${result.bundle}: ${result.task}, ${(result.bytes / 1e6).toFixed(2)} MB`;
  const { bundle, quantization, target, measured } = result;
  const { bytes, float32Bytes, tokensPerSecond, float32TokensPerSecond, perplexity, float32Perplexity } = measured;
  const share = `${((100 * bytes) / float32Bytes).toFixed(1)} % of float32's`;
  const parts = [`${(bytes / 1e6).toFixed(2)} MB (${share})`, `quantization ${quantization}`];
  if (tokensPerSecond !== undefined && float32TokensPerSecond !== undefined) {
    const ratio = (tokensPerSecond / float32TokensPerSecond).toFixed(2);
    parts.push(`${Math.round(tokensPerSecond)} tokens/s on ${target} (${ratio} times float32's)`);
  }
  if (perplexity !== undefined && float32Perplexity !== undefined) {
    parts.push(`perplexity ${perplexity.toFixed(4)} (the checkpoint's is ${float32Perplexity.toFixed(4)})`);
  }
  return `${bundle}: ${parts.join(', ')}`;
}
