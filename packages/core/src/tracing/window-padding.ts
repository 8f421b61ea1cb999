/** Recognizes convolutions and poolings whose padding is TensorFlow's `same`, whatever the size of their input. */
import type { OnnxNode } from '../onnx/graph.js';

/**
 * Whether the node's pads are those of `auto_pad: SAME_UPPER`.
 * @param shape the shape of its input, [batch, channels, spatial…]
 */
export function isSamePadding(
  { opType, attributes = {} }: OnnxNode,
  shape: readonly (number | string)[] | undefined,
): boolean {
  if (!['Conv', 'MaxPool', 'AveragePool'].includes(opType) || !shape) return false;
  const ints = (name: string) => {
    const attribute = attributes[name];
    return attribute && 'ints' in attribute ? attribute.ints : undefined;
  };
  const [kernel, strides, pads] = ['kernel_shape', 'strides', 'pads'].map(ints);
  if (!kernel || !strides || !pads) return false;
  return kernel.every((size, axis) => {
    const input = shape[axis + 2] as number;
    const reach = (size - 1) * (ints('dilations')?.[axis] ?? 1) + 1;
    const total = Math.max(0, (Math.ceil(input / strides[axis]!) - 1) * strides[axis]! + reach - input);
    return pads[axis] === Math.floor(total / 2) && pads[axis + kernel.length] === total - Math.floor(total / 2);
  });
}
