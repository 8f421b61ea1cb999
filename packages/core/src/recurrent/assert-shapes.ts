/** Checks what a caller gives by name: named tensors against the shapes that a configuration says. */
import type { Shapes } from '../models/language-model-config.js';
import type { NamedTensors } from '../tracing/trace.js';

/**
 * @param caller the function that the message names
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
