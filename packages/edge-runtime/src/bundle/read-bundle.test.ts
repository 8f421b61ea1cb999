import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { folderAt } from '#bundle-source';
import { BundleError } from '../errors.js';
import { folderOf, sampleBundle, serverOf } from '../testing/sample-bundle.js';
import { readBundle } from './read-bundle.js';

type Files = Map<string, Uint8Array<ArrayBuffer>>;

function withManifest(files: Files, change: (manifest: Record<string, unknown>) => object | string): Files {
  const changed = change(JSON.parse(new TextDecoder().decode(files.get('manifest.json'))));
  const text = typeof changed === 'string' ? changed : JSON.stringify(changed);
  return new Map(files).set('manifest.json', new TextEncoder().encode(text));
}

function without(files: Files, name: string): Files {
  const rest = new Map(files);
  rest.delete(name);
  return rest;
}

function withAlteredByte(files: Files, name: string): Files {
  const bytes = files.get(name)!.slice();
  bytes[bytes.length >> 1]! ^= 1;
  return new Map(files).set(name, bytes);
}

const truncated = (files: Files, name: string): Files => new Map(files).set(name, files.get(name)!.slice(0, -100));

const damages: [string, string, RegExp, (files: Files) => Files][] = [
  ['no manifest', 'file-missing', /manifest\.json: not found/, (files) => without(files, 'manifest.json')],
  ['no model', 'file-missing', /model\.onnx: not found/, (files) => without(files, 'model.onnx')],
  ['an altered model', 'file-altered', /model\.onnx: its SHA-256/, (files) => withAlteredByte(files, 'model.onnx')],
  [
    'an altered tokenizer',
    'file-altered',
    /tokenizer\.json\.z: its SHA-256/,
    (files) => withAlteredByte(files, 'tokenizer.json.z'),
  ],
  [
    'a truncated model',
    'file-truncated',
    /model\.onnx: \d+ bytes, the manifest says/,
    (files) => truncated(files, 'model.onnx'),
  ],
  [
    'a truncated manifest',
    'manifest-invalid',
    /manifest\.json: is not JSON/,
    (files) => truncated(files, 'manifest.json'),
  ],
  [
    'an unknown version',
    'version-unsupported',
    /manifest\.json: format version 99, this runtime reads 1/,
    (files) => withManifest(files, (manifest) => ({ ...manifest, version: 99 })),
  ],
  [
    "somebody else's manifest",
    'manifest-invalid',
    /not a bundle's manifest/,
    (files) => withManifest(files, () => 'null'),
  ],
  [
    'a manifest without state',
    'manifest-invalid',
    /'state\[0\]' is not an object; export the bundle again/,
    (files) => withManifest(files, (manifest) => ({ ...manifest, state: [null] })),
  ],
  [
    'a matrix of an unknown scheme',
    'manifest-invalid',
    /'matrices\[0\]\.scheme' is not one of float32, int8, int8-weights, int8-blocks, int4/,
    (files) => withManifest(files, (manifest) => ({ ...manifest, matrices: [{ name: 'w', scheme: 'int3' }] })),
  ],
  [
    'a manifest without checksums',
    'manifest-invalid',
    /'files\.model\.onnx' is not an object/,
    (files) => withManifest(files, (manifest) => ({ ...manifest, files: {} })),
  ],
  [
    'an inflated size that is a text',
    'manifest-invalid',
    /'files\.tokenizer\.json\.z\.inflatedBytes' is not a positive integer/,
    (files) =>
      withManifest(files, (manifest) => {
        const records = manifest.files as Record<string, object>;
        const tokenizer = { ...records['tokenizer.json.z'], inflatedBytes: '9' };
        return { ...manifest, files: { ...records, 'tokenizer.json.z': tokenizer } };
      }),
  ],
];

describe.each(damages)('a bundle with %s', (_, code, message, damage) => {
  const refusal = expect.objectContaining({ code, message: expect.stringMatching(message) });

  test('is refused from a folder, in one line that names the file', async () => {
    await using folder = await folderOf(damage(await sampleBundle()));
    const error = await readBundle(folderAt(folder.path)).catch((reason) => reason);
    expect(error).toBeInstanceOf(BundleError);
    expect(error).toEqual(refusal);
    expect(error.message).not.toContain('\n');
  });

  test('is refused from a web server, in one line that names the file', async () => {
    await using server = await serverOf(damage(await sampleBundle()));
    const error = await readBundle(folderAt(server.url)).catch((reason) => reason);
    expect(error).toBeInstanceOf(BundleError);
    expect(error).toEqual(refusal);
  });
});

test('a server that does not answer is reported as unreachable', async () => {
  const server = await serverOf(new Map());
  await server[Symbol.asyncDispose]();
  await expect(readBundle(folderAt(server.url))).rejects.toMatchObject({ code: 'unreachable' });
});

test('progress of each file ends at the size in the manifest', async () => {
  const files = await sampleBundle();
  await using server = await serverOf(files);
  const last = new Map<string, object>();
  await readBundle(folderAt(server.url), { onProgress: (progress) => last.set(progress.file, progress) });
  for (const file of ['model.onnx', 'tokenizer.json.z']) {
    const size = files.get(file)!.length;
    expect(last.get(file)).toEqual({ file, loadedBytes: size, totalBytes: size });
  }
});

test('an abort ends the download with its reason', async () => {
  await using server = await serverOf(await sampleBundle());
  const controller = new AbortController();
  const reading = readBundle(folderAt(server.url), {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('changed my mind')),
  });
  await expect(reading).rejects.toThrow('changed my mind');
});

test('a manifest that is pinned by its hash is loaded, and no other', async () => {
  const files = await sampleBundle();
  await using folder = await folderOf(files);
  const hash = createHash('sha256').update(files.get('manifest.json')!).digest('base64');
  await readBundle(folderAt(folder.path), { integrity: `sha256-${hash}` });
  const other = `sha256-${createHash('sha256').digest('base64')}`;
  await expect(readBundle(folderAt(folder.path), { integrity: other })).rejects.toMatchObject({
    code: 'file-altered',
    message: expect.stringContaining(`manifest.json: its hash is not ${other}`),
  });
});

test('reading stops once a file is longer than the manifest says', async () => {
  const files = await sampleBundle();
  const size = files.get('model.onnx')!.length;
  let sent = 0;
  const server = createServer((request, response) => {
    const file = request.url!.slice(1);
    if (file !== 'model.onnx') return response.end(files.get(file));
    const send = () => {
      for (let room = true; room && sent < 1e9; sent += size) room = response.write(new Uint8Array(size));
    };
    response.on('drain', send);
    return send();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await expect(readBundle(folderAt(`http://127.0.0.1:${port}/`))).rejects.toMatchObject({
    code: 'file-altered',
    message: expect.stringContaining(`model.onnx: longer than the ${size} bytes`),
  });
  expect(sent).toBeLessThan(1e9);
  server.close();
  server.closeAllConnections();
});

test('a tokenizer that inflates to more than the manifest says is refused', async () => {
  const files = withManifest(await sampleBundle(), (manifest) => {
    const { files } = manifest as { files: Record<string, object> };
    return {
      ...manifest,
      files: { ...files, 'tokenizer.json.z': { ...files['tokenizer.json.z'], inflatedBytes: 100 } },
    };
  });
  await using folder = await folderOf(files);
  await expect(readBundle(folderAt(folder.path))).rejects.toMatchObject({
    code: 'tokenizer-invalid',
    message: expect.stringContaining('tokenizer.json.z: inflates to more than 100 bytes'),
  });
});
