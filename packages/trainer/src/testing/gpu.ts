/**
 * For tests: whether an engine can start here. `npm test` sets VK_ICD_FILENAMES to a Vulkan driver, Chromium's
 * SwiftShader. If a WebGPU engine then fails to start, the test fails instead of skipping.
 */
import type { Program } from '@unroll/core';
import type { EngineName } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';

const smallest: Program = { inputs: { x: { shape: [1], dtype: 'float32' } }, run: ({ x }) => ({ y: x! }) };

/** Returns one line with the reason why a WebGPU engine cannot start on this machine; undefined if it can, or must. */
export async function reasonToSkip(name: EngineName): Promise<string | undefined> {
  return process.env.VK_ICD_FILENAMES ? undefined : obstacleOf(name);
}

/** Returns one line with the reason why an engine cannot start on this machine; undefined if it can. */
export async function obstacleOf(name: EngineName): Promise<string | undefined> {
  try {
    const engine = await selectEngine(name, 1);
    await (await engine.compile(smallest, [])).dispose();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
