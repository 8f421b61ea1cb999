/**
 * `manifest.json`, the first file of a bundle: describes the model, how its weights are stored, and the size and
 * SHA-256 of the other files. Only this file parses it; the rest of the package trusts the types.
 */
import { BundleError } from '../errors.js';
import type { MatrixChoice, Quantization, Target } from '../quantization/plan.js';
import { type ConfigSchema, checkedConfig } from './checked-fields.js';

export const manifestFile = 'manifest.json';
export const modelFile = 'model.onnx';
export const tokenizerFile = 'tokenizer.json.z';

/** Upper limit of a manifest's size, many times what manifests have. */
export const largestManifest = 2 ** 24;

/** The files whose size and hash every manifest has. */
export type BundleFile = typeof modelFile | typeof tokenizerFile;

/** Additional files of bundles that can be personalized: graphs without weights, loaded only for that. */
export const personalizationFiles = {
  step: 'step.onnx',
  full: 'training.full.onnx',
  adapters: 'training.adapters.onnx',
  'output-bias': 'training.output-bias.onnx',
} as const;

export type PersonalizationFile = (typeof personalizationFiles)[keyof typeof personalizationFiles];

/** Every file that a bundle may have; the first one is never absent. */
export const bundleFiles: readonly string[] = [
  manifestFile,
  modelFile,
  tokenizerFile,
  ...Object.values(personalizationFiles),
];

/** The format version that this package writes, and the only one that it reads. */
export const formatVersion = 1;

export interface Manifest {
  readonly format: 'unroll-bundle';
  readonly version: typeof formatVersion;
  /** The configuration that the model was trained with, for people and tools; the runtime does not read it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly quantization: Quantization;
  /** The device for which the bundle was made; it runs on the others too. */
  readonly target: Target;
  /** The scheme in which each large matrix is stored. */
  readonly matrices: readonly MatrixChoice[];
  readonly vocabSize: number;
  /** The recurrent state: the graph's input, the output that replaces it after each token, and their shape. */
  readonly state: readonly StateTensor[];
  readonly files: Readonly<Record<BundleFile, FileRecord>>;
  /** The files for training on the device, if the bundle has them. */
  readonly personalization?: Readonly<Record<PersonalizationFile, FileRecord>>;
  /** Measurements from the export of this bundle; for people and tools. */
  readonly measured?: Measurements;
}

/** Measurements of a bundle, compared with the float32 bundle of the same model. */
export interface Measurements {
  /** Size of all files, without these measurements. */
  readonly bytes: number;
  readonly float32Bytes: number;
  /** Decoding steps per second on the target, measured on the exporting machine; missing if it lacks the target. */
  readonly tokensPerSecond?: number;
  readonly float32TokensPerSecond?: number;
  /** Perplexity per token of held-out text, if one was given. */
  readonly perplexity?: number;
  readonly float32Perplexity?: number;
}

export interface StateTensor {
  readonly input: string;
  readonly output: string;
  readonly shape: readonly number[];
}

export interface FileRecord {
  readonly bytes: number;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** The inflated size of a deflated file; bundles of version 0.1 lack it. */
  readonly inflatedBytes?: number;
}

export const fileRecord = { bytes: 'count', sha256: 'digest', inflatedBytes: 'count?' } as const satisfies ConfigSchema;

/** The fields that every manifest has and the runtime reads. */
const manifestFields = {
  matrices: [{ name: 'text', scheme: new Set(['float32', 'int8', 'int8-weights', 'int8-blocks', 'int4'] as const) }],
  vocabSize: 'count',
  state: [{ input: 'text', output: 'text', shape: 'counts' }],
  files: { [modelFile]: fileRecord, [tokenizerFile]: fileRecord },
} as const satisfies ConfigSchema;

const personalizationFields = {
  personalization: Object.fromEntries(Object.values(personalizationFiles).map((name) => [name, fileRecord])),
} as const satisfies ConfigSchema;

/**
 * Parses the manifest in the bytes of `file`.
 * @throws BundleError `manifest-invalid` or `version-unsupported`
 */
export function parseManifest(bytes: Uint8Array, file: string): Manifest {
  const manifest: Partial<Manifest> = manifestObject(bytes, file, 'unroll-bundle', "a bundle's manifest");
  if (manifest.version !== formatVersion) {
    throw new BundleError(
      'version-unsupported',
      `${file}: format version ${manifest.version}, this runtime reads ${formatVersion}; ` +
        'use the versions of the trainer and @unroll/edge-runtime that belong together',
    );
  }
  checkedConfig(manifest, manifestFields, file);
  if (manifest.personalization !== undefined) checkedConfig(manifest, personalizationFields, file);
  return manifest as Manifest;
}

/**
 * Parses a manifest `file` of this `format`. If the file is something else, the address or the server is at fault, not
 * the export.
 * @param kind description of the expected file, for the message
 * @throws BundleError `manifest-invalid`
 */
export function manifestObject(bytes: Uint8Array, file: string, format: string, kind: string): object {
  const foreign = (what: string, cause?: unknown) => {
    const remedy = "is this the address of the bundle's folder, and does its server send the file? Else copy it again";
    return new BundleError('manifest-invalid', `${file}: ${what}; ${remedy}`, { cause });
  };
  if (bytes.length === 0) throw foreign('is empty');
  let value: { readonly format?: unknown } | null;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw foreign('is not JSON', cause);
  }
  if (value?.format !== format) throw foreign(`is not ${kind}`);
  return value;
}
