/** `unroll export`: a checkpoint as a bundle for browsers and devices, measured if a text is given. */
import { languageModelStepGraph } from '@unroll/core';
import { buildBundle, type Quantization, withPerplexity } from '@unroll/edge-runtime';
import { type Command, Option } from 'commander';
import { type Checkpoint, readCheckpoint } from '../checkpoint/checkpoint.js';
import { checkWritable, inspectFolder, replaceFolder } from '../checkpoint/folder.js';
import { EMBEDDED_CORPUS, loadCorpus } from '../data/corpus.js';
import { encodeSplit } from '../data/encoding.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';
import { evaluateBundle, evaluateCheckpoint } from '../evaluation/perplexity.js';
import { interruptible } from '../terminal/interrupt.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ExportFlags {
  checkpoint: string;
  out: string;
  quantize: Quantization;
  data?: string;
  split: 'valid' | 'test';
  json?: boolean;
}

interface ExportResult {
  readonly bundle: string;
  readonly bytes: number;
  readonly quantization: Quantization;
  /** Of the bundle and of the checkpoint; given if there was a text to measure them on. */
  readonly perplexity?: number;
  readonly floatPerplexity?: number;
}

type BundleFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

export function addExport(program: Command): void {
  const command = program
    .command('export')
    .description('make a bundle for browsers and devices from a checkpoint')
    .requiredOption('--checkpoint <dir>', "a folder that 'unroll train' wrote")
    .requiredOption('--out <dir>', 'where the bundle goes; an older bundle there is replaced')
    .addOption(
      new Option('--quantize <scheme>', 'how weights are stored').choices(['none', 'int8', 'int4']).default('int8'),
    )
    .option('--data <path>', `a corpus to measure the perplexity on: a folder, a text file, or '${EMBEDDED_CORPUS}'`)
    .addOption(new Option('--split <name>', 'which part of the corpus').choices(['valid', 'test']).default('test'))
    .addOption(jsonOption())
    .action(async (flags: ExportFlags) => {
      const result = await interruptible((signal) => exportBundle(flags, signal));
      printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'export --checkpoint runs/first --out bundles/first',
    'export --checkpoint runs/first --out bundles/small --quantize int4 --data grammar',
  );
}

async function exportBundle(flags: ExportFlags, signal: AbortSignal): Promise<ExportResult> {
  const { out, quantize: quantization } = flags;
  const checkpoint = await readCheckpoint(flags.checkpoint);
  const heldOut = flags.data === undefined ? undefined : loadCorpus(flags.data)[flags.split];
  if ((await inspectFolder(out, ['manifest.json', 'model.onnx', 'tokenizer.json'])) === 'foreign') {
    throw new UnrollError(`${out}: holds files that are no bundle's, and would be lost; choose another --out`);
  }
  await checkWritable(out);
  const files = await bundleOf(checkpoint, quantization);
  await replaceFolder(out, Object.fromEntries(files));
  const summary = { bundle: out, bytes: totalBytes(files), quantization };
  if (!heldOut) return summary;

  const ids = encodeSplit(checkpoint.tokenizer, heldOut);
  const engine = await selectEngine('onnxruntime');
  const float = await evaluateCheckpoint(checkpoint, ids, engine, signal);
  const { perplexity } = await evaluateBundle(out, ids, signal);
  const measured = withPerplexity(files, perplexity);
  await replaceFolder(out, Object.fromEntries(measured));
  return { ...summary, bytes: totalBytes(measured), perplexity, floatPerplexity: float.perplexity };
}

function bundleOf({ config, parameters, tokenizer }: Checkpoint, quantization: Quantization): Promise<BundleFiles> {
  return buildBundle({
    graph: languageModelStepGraph(config, parameters),
    tokenizerJson: tokenizer.toJSON(),
    config: { ...config },
    quantization,
  });
}

function totalBytes(files: BundleFiles): number {
  return [...files.values()].reduce((sum, { length }) => sum + length, 0);
}

function describe({ bundle, bytes, quantization, perplexity, floatPerplexity }: ExportResult): string {
  const measured =
    perplexity === undefined
      ? ''
      : `, perplexity ${perplexity.toFixed(4)} (the checkpoint's is ${floatPerplexity!.toFixed(4)})`;
  return `${bundle}: ${(bytes / 1e6).toFixed(2)} MB, quantization ${quantization}${measured}`;
}
