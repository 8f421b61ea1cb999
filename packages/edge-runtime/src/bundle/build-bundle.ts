/** Builds a bundle in memory from a traced model. The caller writes its files to disk. */
import type { PersonalizationGraphs } from '@unroll/core/config';
import { encodeOnnx, nextOf, type OnnxGraph } from '@unroll/core/onnx';
import { chooseByRule, type MatrixChoice, type Quantization, type Target } from '../quantization/plan.js';
import { quantize } from '../quantization/quantize.js';
import { deflateJson } from './deflate.js';
import {
  type FileRecord,
  formatVersion,
  type Manifest,
  type Measurements,
  manifestFile,
  modelFile,
  type PersonalizationFile,
  parseManifest,
  personalizationFiles,
  type StateTensor,
  tokenizerFile,
} from './manifest.js';
import { sha256 } from './sha256.js';

export interface BundleContents {
  /**
   * The float32 graph of one decoding step. Inputs: `ids`, int32 [1], and the state tensors, float32. Outputs:
   * `logits`, float32 [1, vocab], and `next.<name>` for each state tensor `<name>`.
   */
  readonly graph: OnnxGraph;
  /** The tokenizer, as returned by `Tokenizer.toJSON()`. */
  readonly tokenizerJson: object;
  /** The configuration with which the model was trained; recorded unchanged. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly quantization: Quantization;
  /** Default `wasm`. */
  readonly target?: Target;
  /** The scheme of each matrix, as chosen by measurement; required for `auto`. */
  readonly choices?: readonly MatrixChoice[];
  /** The training graphs of `LanguageModel.personalize`; without them, the bundle cannot be personalized. */
  readonly personalization?: PersonalizationGraphs;
}

/**
 * Builds the files of a bundle, by name: `manifest.json`, `model.onnx`, `tokenizer.json.z`, and the graphs of
 * personalization.
 * @throws Error if the graph is not a decoding step, or `auto` is given without choices
 */
export async function buildBundle(contents: BundleContents): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { graph, tokenizerJson, config, quantization, target = 'wasm' } = contents;
  const matrices = contents.choices ?? chosenByRule(contents, target);
  const schemes = new Map(matrices.map(({ name, scheme }) => [name, scheme]));
  const model = new Uint8Array(encodeOnnx(quantize(graph, ({ name }) => schemes.get(name) ?? 'float32')));
  const { bytes: tokenizer, inflatedBytes } = await deflateJson(tokenizerJson);
  const training = contents.personalization ? personalizationContents(contents.personalization) : undefined;
  const manifest: Manifest = {
    format: 'unroll-bundle',
    version: formatVersion,
    config,
    quantization,
    target,
    matrices,
    vocabSize: vocabSizeOf(graph),
    state: stateOf(graph),
    files: {
      [modelFile]: await recordOf(model),
      [tokenizerFile]: { ...(await recordOf(tokenizer)), inflatedBytes },
    },
    ...(training && { personalization: await recordsOf(training) }),
  };
  return new Map([
    [manifestFile, encodeJson(manifest)],
    [modelFile, model],
    [tokenizerFile, tokenizer],
    ...Object.entries(training ?? {}),
  ]);
}

type PersonalizationContents = Record<PersonalizationFile, Uint8Array<ArrayBuffer>>;

function personalizationContents({ step, training }: PersonalizationGraphs): PersonalizationContents {
  const encode = (graph: OnnxGraph) => new Uint8Array(encodeOnnx(graph));
  return {
    [personalizationFiles.step]: encode(step),
    [personalizationFiles.full]: encode(training.full),
    [personalizationFiles.adapters]: encode(training.adapters),
    [personalizationFiles['output-bias']]: encode(training['output-bias']),
  };
}

async function recordsOf(files: PersonalizationContents): Promise<Record<PersonalizationFile, FileRecord>> {
  const records = Object.entries(files).map(async ([name, bytes]) => [name, await recordOf(bytes)] as const);
  return Object.fromEntries(await Promise.all(records)) as Record<PersonalizationFile, FileRecord>;
}

async function recordOf(bytes: Uint8Array<ArrayBuffer>): Promise<FileRecord> {
  return { bytes: bytes.length, sha256: await sha256(bytes) };
}

function chosenByRule({ graph, quantization }: BundleContents, target: Target): MatrixChoice[] {
  if (quantization === 'auto') throw new Error("quantization 'auto' needs choices; see chooseByMeasurement");
  return chooseByRule(graph, quantization, target);
}

/** Adds measurements of the finished bundle to its manifest. */
export function withMeasurements(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  measured: Measurements,
): Map<string, Uint8Array<ArrayBuffer>> {
  const manifest = parseManifest(files.get(manifestFile)!, manifestFile);
  return new Map(files).set(manifestFile, encodeJson({ ...manifest, measured }));
}

function vocabSizeOf(graph: OnnxGraph): number {
  const size = graph.outputs.find(({ name }) => name === 'logits')?.shape[1];
  if (typeof size !== 'number') throw new Error("the graph has no output 'logits' of shape [1, vocab]");
  return size;
}

function stateOf(graph: OnnxGraph): StateTensor[] {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return graph.inputs
    .filter(({ name }) => name !== 'ids')
    .map(({ name, shape }) => {
      const output = nextOf(name);
      if (!outputs.has(output)) throw new Error(`the graph has a state input '${name}' but no output '${output}'`);
      return { input: name, output, shape: shape.map(Number) };
    });
}

function encodeJson(value: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
