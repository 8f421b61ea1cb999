/** For tests: a small bundle with seeded random weights, and a folder and a web server to read it from. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, relative } from 'node:path';
import type { OnnxGraph } from '@unroll/core/onnx';
import { trainTokenizer } from '@unroll/core/text';
import { buildBundle } from '../bundle/build-bundle.js';
import type { Quantization } from '../quantization/plan.js';
import { type ModelShape, randomStepGraph } from './step-graph.js';

/** A text of 400 different words, including `the`, `then` and `there`, which share a prefix. */
const text = ['the', 'then', 'there', 'The', 'river', ...Array.from({ length: 395 }, (_, i) => `word${i}`)].join(' ');

/** Builds a bundle of a model with two layers, LSTMs unless `graphOf` creates others. */
export function sampleBundle(
  quantization: Quantization = 'int8',
  kind: 'word' | 'char' | 'char-without-start' | 'bpe' = 'word',
  graphOf: (shape: ModelShape) => OnnxGraph = randomStepGraph,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const withoutStart = kind === 'char-without-start';
  const tokenizer = trainTokenizer(withoutStart ? 'char' : kind, `${text}\n`, { vocabSize: 402 });
  const json = tokenizer.toJSON();
  return buildBundle({
    graph: graphOf({ vocabSize: tokenizer.vocabSize, embeddingDim: 64, hiddenDim: 96, layers: 2 }),
    tokenizerJson: withoutStart ? { ...json, model: { ...json.model, start_token: null } } : json,
    config: { layers: 2 },
    quantization,
  });
}

/** Writes `files` to a new temporary folder, which disposal removes. */
export async function folderOf(files: Map<string, Uint8Array>): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'unroll-bundle-'));
  await Promise.all(Array.from(files, ([name, bytes]) => writeFile(join(path, name), bytes)));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** The files in a folder and its subfolders, by path. */
export async function filesOf(folder: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(relative(folder, path), new Uint8Array(await readFile(path)));
  }
  return files;
}

const contentTypes: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

/** The content security policy that docs/edge-runtime.md requires, as strict as possible. */
export const strictPolicy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src *; style-src 'self'; img-src data:";

/**
 * Serves `files` by path at `url` to pages of any origin, and pages under `policy`; anything else is 404. `requested`
 * collects every requested path.
 */
export async function serverOf(
  files: Map<string, Uint8Array>,
  policy = strictPolicy,
): Promise<{ url: string; requested: readonly string[] } & AsyncDisposable> {
  const requested: string[] = [];
  const server = await serverBy(({ pathname }) => {
    const path = pathname.slice(1) || 'index.html';
    requested.push(path);
    const body = files.get(path);
    const type = contentTypes[extname(path)] ?? 'application/octet-stream';
    return { status: body ? 200 : 404, body, headers: { 'content-type': type, 'content-security-policy': policy } };
  });
  return { ...server, requested };
}

export interface Answer {
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | string | undefined;
}

/** Starts a web server that answers pages of any origin with the result of `answer`, called at each request. */
export async function serverBy(answer: (address: URL) => Answer): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const { status = 200, headers = {}, body } = answer(new URL(request.url!, 'http://localhost'));
    response.writeHead(status, { 'access-control-allow-origin': '*', ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
