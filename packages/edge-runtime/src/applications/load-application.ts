/**
 * Loads an application's bundle into this thread: verifies its files and gives its graphs to ONNX Runtime's WebAssembly
 * build, on one thread. The callers interpret the graphs: `text-classifier.ts`, `translator.ts`, ….
 */
import type { Tensor } from 'onnxruntime-common';
import { folderAt, readFile } from '#bundle-source';
import { type ConfigOf, type ConfigSchema, checkedConfig } from '../bundle/checked-fields.js';
import { inflateJson } from '../bundle/deflate.js';
import { largestManifest } from '../bundle/manifest.js';
import { readVerified } from '../bundle/read-verified.js';
import { BundleError } from '../errors.js';
import { checkLoading } from '../loading/checked-loading.js';
import { loadOnnxRuntime } from '../loading/onnx-runtime.js';
import { createSession, type OnnxRuntime, type Session } from '../runtime/session.js';
import { configFile, manifestFile, parseApplicationManifest } from './manifest.js';

export interface LoadApplicationOptions {
  /** Aborting ends the loading and throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded bundle of an application. */
export interface Application<Config = Readonly<Record<string, unknown>>> {
  /** The configuration that the trainer wrote. */
  readonly config: Config;
  /**
   * Runs a graph. The inputs must have the shapes that the graph declares.
   * @returns its outputs by name, in new arrays for each run
   */
  run(
    graph: string,
    inputs: Readonly<Record<string, Float32Array | Int32Array>>,
  ): Promise<Record<string, Float32Array>>;
  dispose(): Promise<void>;
}

/**
 * Loads the application of kind `task` whose bundle is at `address`: the URL of its folder or, in Node, its path.
 * @throws TypeError naming an argument of the wrong kind; BundleError naming the file and the remedy; the signal's
 * reason if it aborts
 */
export async function loadApplication(
  address: string | URL,
  task: string,
  options: LoadApplicationOptions = {},
): Promise<Application> {
  const { configFile: _, ...application } = await openApplication(address, task, {}, options);
  return application;
}

/**
 * {@link loadApplication} for our own applications, whose configuration has the fields of `schema`.
 * @returns also the name of the configuration's file, for messages
 */
export async function openApplication<Schema extends ConfigSchema>(
  address: string | URL,
  task: string,
  schema: Schema,
  options: LoadApplicationOptions,
): Promise<Application<ConfigOf<Schema>> & { readonly configFile: string }> {
  checkLoading(address, options);
  const { signal } = options;
  const folder = folderAt(address);
  const manifestBytes = await readFile(folder, manifestFile, { signal, cache: 'no-cache', maxBytes: largestManifest });
  const { files } = parseApplicationManifest(manifestBytes, folder.nameOf(manifestFile), task);
  const record = files[configFile]!;
  const file = folder.nameOf(configFile);
  const inflated = await inflateJson(await readVerified(folder, configFile, record, { signal }), record.inflatedBytes);
  const config = checkedConfig(inflated, schema, file);
  const ort = await loadOnnxRuntime();
  const sessions = new Map<string, Session>();
  for (const [name, record] of Object.entries(files).filter(([name]) => name.endsWith('.onnx'))) {
    const model = await readVerified(folder, name, record, { signal });
    sessions.set(name.slice(0, -'.onnx'.length), await createSession(model, ort, folder.nameOf(name)));
  }
  let released: Promise<unknown> | undefined;
  return {
    ...{ config, configFile: file },
    run: async (graph, inputs) => {
      if (released) throw new Error(`the ${task} application was disposed of; load it again`);
      const session = sessions.get(graph);
      if (!session)
        throw new BundleError('model-invalid', `${folder.key}: has no graph '${graph}'; export the bundle again`);
      return runSession(ort, session, inputs);
    },
    dispose: async () => {
      released ??= Promise.all(Array.from(sessions.values(), (session) => session.release()));
      await released;
    },
  };
}

async function runSession(
  ort: OnnxRuntime,
  session: Session,
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
