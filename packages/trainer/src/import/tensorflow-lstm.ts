/**
 * Converts the weights of TensorFlow's `LSTMCell` and `BasicLSTMCell`. One kernel [input + output, 4·hidden] multiplies
 * input and state together, its gates are in the order i, j, f, o, and the cell adds 1 to the forget gate.
 */

/** TensorFlow's default `forget_bias`. It is a constant of the graph, in no checkpoint. */
const forgetBias = 1;

interface TensorFlowWeights {
  /** [input + output, 4·hidden] */
  readonly kernel: Float32Array;
  /** [4·hidden] */
  readonly bias: Float32Array;
  readonly inputDim: number;
}

/** Returns `kernel`, `recurrent_kernel` and `bias` in our layout, gates i, f, g, o, the forget bias in the bias. */
export function fromTensorFlowGates({ kernel, bias, inputDim }: TensorFlowWeights): Record<string, Float32Array> {
  const width = bias.length;
  const ordered = withGatesReordered(kernel, width);
  const biases = withGatesReordered(bias, width);
  for (let k = width / 4; k < width / 2; k++) biases[k] = biases[k]! + forgetBias;
  const end = inputDim * width;
  return { kernel: ordered.slice(0, end), recurrent_kernel: ordered.slice(end), bias: biases };
}

/** Reorders the gates of each row from i, j, f, o to i, f, j, o. */
function withGatesReordered(rows: Float32Array, width: number): Float32Array {
  const ordered = Float32Array.from(rows);
  const hidden = width / 4;
  for (let row = 0; row < rows.length; row += width) {
    ordered.set(rows.subarray(row + 2 * hidden, row + 3 * hidden), row + hidden);
    ordered.set(rows.subarray(row + hidden, row + 2 * hidden), row + 2 * hidden);
  }
  return ordered;
}
