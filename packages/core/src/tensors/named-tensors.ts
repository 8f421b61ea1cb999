/** Tensors by name: the parameters, states and inputs of models. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Shapes } from './shapes.js';

export type NamedTensors = Record<string, tf.Tensor>;

/**
 * Checks that every tensor is present and has its shape.
 * @param caller name of the function, for the message
 * @throws RangeError naming the first tensor that is missing or has another shape
 */
export function assertShapes(caller: string, tensors: NamedTensors, shapes: Shapes): void {
  for (const [name, shape] of Object.entries(shapes)) {
    const tensor = tensors[name];
    if (!tensor) throw new RangeError(`${caller}: '${name}' [${shape}] is missing`);
    if (`${tensor.shape}` !== `${shape}`) {
      throw new RangeError(`${caller}: '${name}' is [${tensor.shape}], the configuration says [${shape}]`);
    }
  }
}
