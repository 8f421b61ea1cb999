/**
 * For tests: whether an engine can start here. `npm test` names a Vulkan driver, Chromium's SwiftShader, in VK_ICD_FILENAMES; a
 * WebGPU engine that then does not start is a failure, not a reason to skip.
 */
import type { Program } from '@unroll/core';
import type { EngineName } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';

const smallest: Program = { inputs: { x: { shape: [1], dtype: 'float32' } }, run: ({ x }) => ({ y: x! }) };

/** Why a WebGPU engine cannot start on this machine, in a line; undefined where it can or must. */
export async function reasonToSkip(name: EngineName): Promise<string | undefined> {
  return process.env.VK_ICD_FILENAMES ? undefined : obstacleOf(name);
}

/** Why an engine cannot start on this machine, in a line; undefined where it can. */
export async function obstacleOf(name: EngineName): Promise<string | undefined> {
  try {
    const engine = await selectEngine(name, 1);
    await (await engine.compile(smallest, [])).dispose();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
