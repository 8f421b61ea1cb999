/** Registers every lowering as a kernel of the tracing backend, once. */
import * as tf from '@tensorflow/tfjs-core';
import { type TraceBackend, TraceError, traceBackendName } from '../backend.js';
import { ElementTypeError } from '../element-types.js';
import { convolutions } from './convolution.js';
import { elementwise } from './elementwise.js';
import { indexing } from './indexing.js';
import { linearAttention } from './linear-attention.js';
import type { Lowering, LoweringTable } from './lowering.js';
import { matrix } from './matrix.js';
import { normalization } from './normalization.js';
import { poolings } from './pooling.js';
import { reduction } from './reduction.js';
import { resizing } from './resizing.js';
import { shape } from './shape.js';
import { training } from './training.js';

const tables: readonly LoweringTable[] = [
  elementwise,
  matrix,
  shape,
  indexing,
  reduction,
  convolutions,
  poolings,
  normalization,
  resizing,
  training,
  linearAttention,
];

export function registerLowerings(): void {
  if (tf.getKernel('Identity', traceBackendName)) return;
  for (const table of tables) {
    for (const [kernelName, lowering] of Object.entries(table)) register(kernelName, lowering);
  }
}

function register(kernelName: string, lowering: Lowering): void {
  tf.registerKernel({
    kernelName,
    backendName: traceBackendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
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
