/**
 * Loads an application's bundle into this thread: verifies its files and gives its graphs to ONNX Runtime's WebAssembly build,
 * on one thread. What the graphs mean is the business of who asks: `text-classifier.ts`, `translator.ts`.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { readFile } from '#bundle-source';
import { inflateJson } from '../bundle/deflate.js';
import { sha256 } from '../bundle/sha256.js';
import { BundleError } from '../errors.js';
import { createSession } from '../runtime/session.js';
import { type ApplicationManifest, configFile, manifestFile, parseApplicationManifest } from './manifest.js';

export interface LoadApplicationOptions {
  /** Ends the loading with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded bundle. */
export interface Application {
  /** As the trainer wrote it. */
  readonly config: Readonly<Record<string, unknown>>;
  /**
   * Runs a graph, whose inputs have the shapes that it says.
   * @returns its outputs by name, arrays of this run's own
   */
  run(
    graph: string,
    inputs: Readonly<Record<string, Float32Array | Int32Array>>,
  ): Promise<Record<string, Float32Array>>;
  dispose(): Promise<void>;
}

type Runtime = typeof import('onnxruntime-web/wasm');

/**
 * The application of the kind `task` whose bundle is at `address`: the URL of its folder or, in Node, its path.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 */
export async function loadApplication(
  address: string | URL,
  task: string,
  { signal }: LoadApplicationOptions = {},
): Promise<Application> {
  const base = String(address).replace(/\/$/, '');
  const manifestBytes = await readFile(base, manifestFile, { signal });
  const manifest = parseApplicationManifest(manifestBytes, `${base}/${manifestFile}`, task);
  const config = await inflateJson(await readVerified(base, configFile, manifest, signal));
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = 1;
  const sessions = new Map<string, InferenceSession>();
  for (const name of Object.keys(manifest.files).filter((file) => file.endsWith('.onnx'))) {
    const model = await readVerified(base, name, manifest, signal);
    sessions.set(name.slice(0, -'.onnx'.length), await createSession(model, ort, `${base}/${name}`));
  }
  return {
    config: config as Application['config'],
    run: (graph, inputs) => {
      const session = sessions.get(graph);
      if (!session) throw new BundleError('model-invalid', `${base}: has no graph '${graph}'; export the bundle again`);
      return runSession(ort, session, inputs);
    },
    dispose: async () => {
      for (const session of sessions.values()) await session.release();
      sessions.clear();
    },
  };
}

async function readVerified(
  base: string,
  name: string,
  { files }: ApplicationManifest,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readFile(base, name, { signal });
  const expected = files[name]!;
  if (bytes.length !== expected.bytes) {
    throw new BundleError(
      'file-truncated',
      `${base}/${name}: ${bytes.length} bytes, the manifest says ${expected.bytes}; copy the bundle again`,
    );
  }
  if ((await sha256(bytes)) !== expected.sha256) {
    throw new BundleError('file-altered', `${base}/${name}: its SHA-256 is not the manifest's; copy the bundle again`);
  }
  return bytes;
}

async function runSession(
  ort: Runtime,
  session: InferenceSession,
  inputs: Readonly<Record<string, Float32Array | Int32Array>>,
): Promise<Record<string, Float32Array>> {
  const feeds: Record<string, Tensor> = {};
  for (const metadata of session.inputMetadata) {
    if (!metadata.isTensor) continue;
    const values = inputs[metadata.name];
    if (!values) throw new Error(`the graph's input '${metadata.name}' was not given`);
    const shape = metadata.shape.map(Number);
    feeds[metadata.name] =
      values instanceof Int32Array ? new ort.Tensor('int32', values, shape) : new ort.Tensor('float32', values, shape);
  }
  const outputs = await session.run(feeds);
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
}
