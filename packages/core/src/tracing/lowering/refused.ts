/** Kernels of TensorFlow.js's cpu backend that are not lowered, each with its reason. */

const sparse = 'the number of elements of its result depends on the values';
const strings = 'its tensors are strings, which ONNX Runtime computes with only outside of neural networks';

/** Reasons by kernel name. The messages of errors and the table in docs/tensorflow-js.md give them. */
export const refusedKernels: Readonly<Record<string, string>> = {
  BitwiseAnd: 'ONNX has it from opset 18 on, and these graphs are of opset 17',
  Draw: 'it draws on a canvas',
  Multinomial: 'it draws random numbers, which would be the same in every run of the graph; give them as an input',
  NonMaxSuppressionV3: `${sparse}; use tf.image.nonMaxSuppressionPadded with padToMaxOutputSize`,
  NonMaxSuppressionV5: `${sparse}; use tf.image.nonMaxSuppressionPadded with padToMaxOutputSize`,
  RaggedGather: sparse,
  RaggedRange: sparse,
  RaggedTensorToTensor: sparse,
  SparseFillEmptyRows: sparse,
  SparseReshape: 'it computes with the shapes of sparse tensors; use a dense tensor',
  SparseSegmentMean: sparse,
  SparseSegmentSum: `${sparse}; use tf.unsortedSegmentSum`,
  StaticRegexReplace: strings,
  StringNGrams: strings,
  StringSplit: strings,
  StringToHashBucketFast: strings,
  Unique: sparse,
};
