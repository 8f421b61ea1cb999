/** `@unroll/core/onnx`: ONNX graphs as data and as files, without TensorFlow.js. */
export { elementCount } from '../tensors/shapes.js';
export * from './file.js';
export * from './graph.js';
export * from './split.js';
