/** `unroll export`: a checkpoint as a bundle for browsers and devices, measured if a text is given. */
import {
  hasRecurrentWeights,
  languageModelReadingGraph,
  languageModelStepGraph,
  type OnnxGraph,
  personalizationGraphs,
} from '@unroll/core';
import {
  buildBundle,
  bundleFiles,
  chooseByRule,
  type Measurements,
  type Quantization,
  type Target,
  withMeasurements,
} from '@unroll/edge-runtime';
import { type Command, Option } from 'commander';
import { type Checkpoint, readCheckpoint } from '../checkpoint/checkpoint.js';
import { checkWritable, inspectFolder, replaceFolder } from '../checkpoint/folder.js';
import { EMBEDDED_CORPUS, loadCorpus } from '../data/corpus.js';
import { encodeSplit } from '../data/encoding.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';
import { evaluateBundle, evaluateCheckpoint } from '../evaluation/perplexity.js';
import { measuredChoices, measuredSpeeds } from '../evaluation/target-speed.js';
import { exportTask } from '../tasks/export-task.js';
import { taskOfCheckpoint } from '../tasks/task-checkpoint.js';
import { interruptible } from '../terminal/interrupt.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ExportFlags {
  checkpoint: string;
  out: string;
  quantization: Quantization;
  target: Target;
  personalization?: true;
  data?: string;
  split: 'valid' | 'test';
  json?: boolean;
}

interface ExportResult {
  readonly bundle: string;
  readonly quantization: Quantization;
  readonly target: Target;
  /** Also in the manifest. Perplexities are given if there was a text to measure them on. */
  readonly measured: Measurements;
}

type BundleFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

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
    .addOption(jsonOption())
    .action(async (flags: ExportFlags) => {
      if (await taskOfCheckpoint(flags.checkpoint)) {
        const { bundle, task, bytes } = await exportTask(flags);
        printResult(flags.json, { bundle, task, bytes }, () => `${bundle}: ${task}, ${(bytes / 1e6).toFixed(2)} MB`);
        return;
      }
      const result = await interruptible((signal) => exportBundle(flags, signal));
      printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'export --checkpoint runs/first --out bundles/first',
    'export --checkpoint runs/first --out bundles/small --quantization int4 --data grammar',
  );
}

async function exportBundle(flags: ExportFlags, signal: AbortSignal): Promise<ExportResult> {
  const { out, quantization, target } = flags;
  const checkpoint = await readCheckpoint(flags.checkpoint);
  if (flags.personalization && checkpoint.config.softmax?.name === 'adaptive') {
    throw new UnrollError('--personalization: is not for models with an adaptive softmax; leave it out');
  }
  const heldOut = flags.data === undefined ? undefined : loadCorpus(flags.data)[flags.split];
  if ((await inspectFolder(out, bundleFiles)) === 'foreign') {
    throw new UnrollError(`${out}: holds files that are no bundle's, and would be lost; choose another --out`);
  }
  await checkWritable(out);

  const graph = graphFor(target, checkpoint);
  const choices =
    quantization === 'auto' ? await measuredChoices(graph, target) : chooseByRule(graph, quantization, target);
  signal.throwIfAborted();
  const parts = {
    ...{ graph, tokenizerJson: checkpoint.tokenizer.toJSON(), config: { ...checkpoint.config }, target },
    ...(flags.personalization && { personalization: personalizationGraphs(checkpoint.config) }),
  };
  const files = await buildBundle({ ...parts, quantization, choices });
  const float32 = await buildBundle({ ...parts, quantization: 'none' });
  const sizesAndSpeeds: Measurements = {
    bytes: totalBytes(files),
    float32Bytes: totalBytes(float32),
    ...(await measuredSpeeds(files, float32, target)),
  };
  await replaceFolder(out, Object.fromEntries(withMeasurements(files, sizesAndSpeeds)));
  if (!heldOut) return { bundle: out, quantization, target, measured: sizesAndSpeeds };

  const ids = encodeSplit(checkpoint.tokenizer, heldOut);
  const float = await evaluateCheckpoint(checkpoint, ids, await selectEngine('onnxruntime'), signal);
  const { perplexity } = await evaluateBundle(out, target, ids, signal);
  const measured = { ...sizesAndSpeeds, perplexity, float32Perplexity: float.perplexity };
  await replaceFolder(out, Object.fromEntries(withMeasurements(files, measured)));
  return { bundle: out, quantization, target, measured };
}

/**
 * The decoding step; of a cell whose gates do not see the state, for ONNX Runtime, one that takes any number of tokens. The edge
 * runtime's own kernels are made for one token.
 */
function graphFor(target: Target, { config, parameters }: Checkpoint): OnnxGraph {
  return target === 'wasm' || hasRecurrentWeights(config)
    ? languageModelStepGraph(config, parameters)
    : languageModelReadingGraph(config, parameters);
}

function totalBytes(files: BundleFiles): number {
  return [...files.values()].reduce((sum, { length }) => sum + length, 0);
}

function describe({ bundle, quantization, target, measured }: ExportResult): string {
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
