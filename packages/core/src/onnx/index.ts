/** `@unroll/core/onnx`: ONNX graphs as data and as files, without TensorFlow.js. */
export {
  adaptersOf,
  asOutputs,
  divideOutputs,
  gradientOf,
  gradientRowsOf,
  nextOf,
  slotName,
  subjectOf,
} from '../tensors/roles.js';
export { elementCount } from '../tensors/shapes.js';
export { decodeOnnx, elementTypes, encodeOnnx } from './file.js';
export {
  bytesOf,
  float32Tensor,
  int64Tensor,
  int64Values,
  type OnnxAttribute,
  type OnnxDataType,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  prune,
} from './graph.js';
export { type SplittableGraph, splitGraph } from './split.js';
