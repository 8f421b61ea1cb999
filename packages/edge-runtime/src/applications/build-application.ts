/** Builds an application's bundle in memory. The caller writes its files to disk. */
import { encodeOnnx, type OnnxGraph } from '@unroll/core/onnx';
import { deflateJson } from '../bundle/deflate.js';
import type { FileRecord } from '../bundle/manifest.js';
import { sha256 } from '../bundle/sha256.js';
import { type MatrixScheme, quantize } from '../quantization/quantize.js';
import { type ApplicationManifest, applicationFormatVersion, configFile, manifestFile } from './manifest.js';

export interface ApplicationContents {
  readonly task: string;
  /** Float32 graphs by name, including their weights. */
  readonly graphs: Readonly<Record<string, OnnxGraph>>;
  /** The runtime's other data: sizes, labels, the tokenizer. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The scheme in which the large matrices are stored. */
  readonly scheme: MatrixScheme;
}

/** Builds the files of the bundle, by name. */
export async function buildApplication(contents: ApplicationContents): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { task, graphs, config, scheme } = contents;
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, graph] of Object.entries(graphs)) {
    files.set(`${name}.onnx`, new Uint8Array(encodeOnnx(quantize(graph, () => scheme))));
  }
  const { bytes: configBytes, inflatedBytes } = await deflateJson(config);
  files.set(configFile, configBytes);
  const records: Record<string, FileRecord> = {};
  for (const [name, bytes] of files) records[name] = { bytes: bytes.length, sha256: await sha256(bytes) };
  records[configFile] = { ...records[configFile]!, inflatedBytes };
  const manifest: ApplicationManifest = {
    format: 'unroll-application',
    version: applicationFormatVersion,
    task,
    files: records,
  };
  const manifestBytes = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
  return new Map([[manifestFile, manifestBytes], ...files]);
}
