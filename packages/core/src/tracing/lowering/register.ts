/** Registers every lowering as a kernel of the tracing backend, once. */
import * as tf from '@tensorflow/tfjs-core';
import { type TraceBackend, TraceError, traceBackendName } from '../backend.js';
import { ElementTypeError } from '../element-types.js';
import { foldedKernel } from '../folding.js';
import { blocks } from './blocks.js';
import { complex, withComplex } from './complex.js';
import { convolutions } from './convolution.js';
import { cumulative } from './cumulative.js';
import { dilation } from './dilation.js';
import { division } from './division.js';
import { elementwise } from './elementwise.js';
import { images } from './images.js';
import { indexing } from './indexing.js';
import { linearAttention } from './linear-attention.js';
import { localResponse } from './local-response.js';
import type { Lowering, LoweringTable } from './lowering.js';
import { matrix } from './matrix.js';
import { normalization } from './normalization.js';
import { ordering } from './ordering.js';
import { poolings } from './pooling.js';
import { reduction } from './reduction.js';
import { refusedKernels } from './refused.js';
import { resizing } from './resizing.js';
import { scattering } from './scattering.js';
import { shape } from './shape.js';
import { training } from './training.js';
import { trigonometry } from './trigonometry.js';

/** All lowerings, by family. */
export const loweringTables: readonly LoweringTable[] = [
  elementwise,
  trigonometry,
  division,
  cumulative,
  matrix,
  shape,
  blocks,
  indexing,
  scattering,
  ordering,
  reduction,
  convolutions,
  poolings,
  normalization,
  localResponse,
  dilation,
  resizing,
  images,
  complex,
  training,
  linearAttention,
];

export function registerLowerings(): void {
  if (tf.getKernel('Identity', traceBackendName)) return;
  for (const table of loweringTables) {
    for (const [kernelName, lowering] of Object.entries(table)) register(kernelName, withComplex(kernelName, lowering));
  }
  for (const [kernelName, reason] of Object.entries(refusedKernels)) {
    register(kernelName, () => {
      throw new TraceError(`cannot trace the TensorFlow.js kernel '${kernelName}': ${reason}`);
    });
  }
}

function register(kernelName: string, lowering: Lowering): void {
  tf.registerKernel({
    kernelName,
    backendName: traceBackendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const folded = foldedKernel(backend as TraceBackend, kernelName, inputs as Record<string, tf.TensorInfo>, attrs);
      if (folded) return folded;
      try {
        return lowering({
          inputs: inputs as Record<string, tf.TensorInfo>,
          attrs: (attrs ?? {}) as Parameters<Lowering>[0]['attrs'],
          graph: (backend as TraceBackend).recorder,
        });
      } catch (error) {
        if (!(error instanceof ElementTypeError)) throw error;
        throw new TraceError(
          `cannot trace ${kernelName} of ${error.found.join(' and ')} tensors: ${error.message}; cast its inputs to ${error.taken[0]} first`,
          { cause: error },
        );
      }
    },
  });
}
