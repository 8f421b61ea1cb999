// Runs the GPU benchmark unattended on a software driver, on which its times mean nothing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Report {
  readonly results: readonly Readonly<Record<string, unknown>>[];
  readonly profiles: readonly {
    readonly engine: string;
    readonly operators: readonly { readonly operator: string }[];
  }[];
}

const driver = process.env.VK_ICD_FILENAMES;
if (!driver)
  console.warn('the benchmark for GPUs is not run: VK_ICD_FILENAMES names no driver, as `npm test` has it do');

test.skipIf(!driver)('measures and profiles the GPU engines that start, and says why the others do not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-gpu-'));
  try {
    const json = join(folder, 'gpu.json');
    const program = fileURLToPath(new URL('run.mjs', import.meta.url));
    const args = [program, 'tiny', '--rounds', '1', '--steps', '1', '--json', json];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const { results, profiles } = JSON.parse(readFileSync(json, 'utf8')) as Report;
    expect(results).toContainEqual({
      ...{ configuration: 'tiny', engine: 'webgpu', precision: 'float32' },
      'tokens/s': expect.any(Number),
    });
    const measured = results.map(({ engine, precision }) => `${engine}, ${precision}`);
    const reasons = [...stderr.matchAll(/^(\S+, \S+): not measured: ./gm)].map(([, contender]) => contender);
    expect([...measured, ...reasons].sort()).toEqual([
      ...['cuda, float32', 'cuda, mixed', 'pytorch, float32', 'pytorch, mixed'],
      ...['tensorflow, float32', 'tfjs-webgpu, float32', 'webgpu, float32', 'webgpu, mixed'],
    ]);
    const profile = profiles.find(({ engine }) => engine === 'webgpu');
    expect(profile?.operators.map(({ operator }) => operator)).toContain('Gemm');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
