/** Loads `@tensorflow/tfjs-node-gpu`, an optional dependency that many machines cannot install. */
import { createRequire } from 'node:module';
import util from 'node:util';
import { option } from '../configuration/option-names.js';
import { firstLine, UnrollError } from '../errors.js';

const require = createRequire(import.meta.url);

/**
 * Loads the package.
 * @throws UnrollError if the package, its native part or libtensorflow is missing
 */
export function loadTensorFlowNodeGpu(): void {
  restoreRemovedFunctions();
  try {
    require('@tensorflow/tfjs-node-gpu');
  } catch (error) {
    throw new UnrollError(
      `@tensorflow/tfjs-node-gpu is not usable here (${firstLine(error)}); run 'unroll doctor' for what it needs, or use ${option('engine')} onnxruntime`,
      { cause: error },
    );
  }
}

/**
 * Restores functions of `util` that the package's released code calls: `isNullOrUndefined`, which Node 23 removed, and
 * `isArray`, which is deprecated. TensorFlow.js fixed this after its last release.
 */
export function restoreRemovedFunctions(): void {
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  });
}
