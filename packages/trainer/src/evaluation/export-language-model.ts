/** Exports a language model's checkpoint as a bundle, and measures the result. */
import { languageModelStepGraph, type OnnxGraph, personalizationGraphs } from '@unroll/core';
import { languageModelReadingGraph, readsManyTokens } from '@unroll/core/internal';
import {
  buildBundle,
  bundleFiles,
  chooseByRule,
  type Measurements,
  type Quantization,
  type Target,
  withMeasurements,
} from '@unroll/edge-runtime';
import { type Checkpoint, readCheckpoint } from '../checkpoint/checkpoint.js';
import { requireFiniteParameters } from '../checkpoint/finite.js';
import { option } from '../configuration/option-names.js';
import { loadCorpus } from '../data/corpus.js';
import { encodeText } from '../data/learn-tokenizer.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';
import { inspectFolder, replaceFolder } from '../files/result-folder.js';
import { ResultLock } from '../files/result-lock.js';
import { log } from '../terminal/log.js';
import { evaluateBundle, evaluateCheckpoint } from './perplexity.js';
import { measuredChoices, measuredSpeeds } from './target-speed.js';

export interface LanguageModelExportRequest {
  readonly checkpoint: string;
  readonly out: string;
  readonly quantization: Quantization;
  readonly target: Target;
  readonly personalization: boolean;
  /** A corpus for measuring the perplexity. */
  readonly data?: string | undefined;
  readonly split: 'valid' | 'test';
}

/** The bundle that was made of a language model's checkpoint. */
export interface BundleExport {
  /** Its folder. */
  readonly bundle: string;
  readonly quantization: Quantization;
  readonly target: Target;
  /** Measurements, which are also in the manifest. They include perplexities if there was a text to measure them on. */
  readonly measured: Measurements;
}

type BundleFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * Exports the checkpoint.
 * @throws UnrollError naming what cannot be read, exported or written; the signal's reason when it aborts
 */
export async function exportLanguageModel(
  request: LanguageModelExportRequest,
  signal: AbortSignal,
): Promise<BundleExport> {
  const { out, quantization, target } = request;
  const checkpoint = await readCheckpoint(request.checkpoint);
  requireFiniteParameters(checkpoint.parameters, request.checkpoint);
  if (request.personalization && checkpoint.config.softmax?.name === 'adaptive') {
    throw new UnrollError(`${option('personalization')}: is not for models with an adaptive softmax; leave it out`);
  }
  if (target === 'wasm' && checkpoint.config.cell === 'rwkv7') {
    throw new UnrollError(
      `${option('target')} wasm: the edge runtime's own kernels do not run rwkv7 yet; give node, whose bundle runs in ONNX Runtime, in browsers too`,
    );
  }
  const corpus = request.data === undefined ? undefined : loadCorpus(request.data);
  for (const line of corpus?.skipped ?? []) log(line);
  const heldOut = corpus?.[request.split];
  if ((await inspectFolder(out, bundleFiles)) === 'foreign') {
    throw new UnrollError(
      `${out}: holds files that are no bundle's, and would be lost; choose another ${option('out')}`,
    );
  }
  await using lock = new ResultLock({ folder: out, role: 'export' });
  await lock.take();

  const graph = graphFor(target, checkpoint);
  const choices =
    quantization === 'auto' ? await measuredChoices(graph, target) : chooseByRule(graph, quantization, target);
  signal.throwIfAborted();
  const parts = {
    ...{ graph, tokenizerJson: checkpoint.tokenizer.toJSON(), config: { ...checkpoint.config }, target },
    ...(request.personalization && { personalization: personalizationGraphs(checkpoint.config) }),
  };
  const files = await buildBundle({ ...parts, quantization, choices });
  const float32 = await buildBundle({ ...parts, quantization: 'none' });
  const sizesAndSpeeds: Measurements = {
    bytes: totalBytes(files),
    float32Bytes: totalBytes(float32),
    ...(await measuredSpeeds(files, float32, target)),
  };
  await replaceFolder(out, Object.fromEntries(withMeasurements(files, sizesAndSpeeds)), { ours: bundleFiles });
  if (!heldOut) return { bundle: out, quantization, target, measured: sizesAndSpeeds };

  const ids = await encodeText(checkpoint.tokenizer, heldOut, `${request.split} text`, signal);
  const float = await evaluateCheckpoint(checkpoint, ids, await selectEngine('onnxruntime'), signal);
  const { perplexity } = await evaluateBundle(out, target, ids, signal);
  const measured = { ...sizesAndSpeeds, perplexity, float32Perplexity: float.perplexity };
  await replaceFolder(out, Object.fromEntries(withMeasurements(files, measured)), { ours: bundleFiles });
  return { bundle: out, quantization, target, measured };
}

/**
 * Returns the decoding step. For ONNX Runtime and a cell whose gates do not read the state, the step accepts any number
 * of tokens. The edge runtime's own kernels process one token at a time.
 */
function graphFor(target: Target, { config, parameters }: Checkpoint): OnnxGraph {
  return target === 'wasm' || !readsManyTokens(config)
    ? languageModelStepGraph(config, parameters)
    : languageModelReadingGraph(config, parameters);
}

function totalBytes(files: BundleFiles): number {
  return [...files.values()].reduce((sum, { length }) => sum + length, 0);
}
