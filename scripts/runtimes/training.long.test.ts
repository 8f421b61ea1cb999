// Training in every Node that is supported: two workers, ONNX Runtime and `unroll doctor` do there what they do here.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limit, nodePrograms } from './hosts.js';
import { installRuntimes, root } from './installation.js';

await installRuntimes().catch((error: Error) => console.warn(`runtimes cannot be installed: ${error.message}`));
const nodes = [...nodePrograms()];
const program = join(root, 'packages/trainer/bin/unroll.js');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-nodes-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the built `unroll` in a Node. */
async function unroll(node: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(node, [program, ...args], { timeout: limit });
  return stdout;
}

/** The parameters after three steps with two workers and a server, as the bytes of their file. */
async function parametersOf(node: string, name: string): Promise<Buffer> {
  const out = join(folder, name);
  await unroll(
    node,
    'train',
    '--data',
    'grammar',
    '--preset',
    'tiny',
    '--workers',
    '2',
    '--max-steps',
    '3',
    '--out',
    out,
  );
  return readFile(join(out, 'model.safetensors'));
}

test.skipIf(nodes.length === 0)(
  'every Node trains to the same parameters, bit for bit',
  { timeout: 5 * limit },
  async () => {
    const here = await parametersOf(process.execPath, 'here');
    for (const [major, node] of nodes) {
      expect((await parametersOf(node, `node-${major}`)).equals(here), `Node ${major}`).toBe(true);
      const doctor = await unroll(node, 'doctor');
      expect(doctor).toMatch(new RegExp(`^ok +Node.js: v${major}\\.`, 'm'));
      expect(doctor).toMatch(/^ok +onnxruntime-node: /m);
    }
  },
);
