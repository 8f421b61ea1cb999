/**
 * Opens one dimension of a traced graph to any size. TensorFlow.js has no symbolic shapes. So a function is traced with
 * a size that nothing else has; wherever that size occurs, the graph is changed to allow any.
 */
import { int64Tensor, int64Values, type OnnxGraph, type OnnxTensor, type OnnxValue } from '../onnx/graph.js';

/**
 * Makes a dimension symbolic.
 * @param size size of that dimension in the graph, and of nothing else
 * @param name name of the dimension in the shapes of inputs and outputs
 * @throws Error if the graph contains the size where ONNX cannot leave it open
 */
export function withSymbolicSize(graph: OnnxGraph, size: number, name: string): OnnxGraph {
  const shapesOfReshapes = new Set(
    graph.nodes.filter(({ opType }) => opType === 'Reshape').map(({ inputs }) => inputs[1]!),
  );
  const open = ({ shape, ...value }: OnnxValue): OnnxValue => ({
    ...value,
    shape: shape.map((dimension) => (dimension === size ? name : dimension)),
  });
  const initializers = graph.initializers.map((tensor) => {
    if (!holds(tensor, size)) return tensor;
    const others = graph.nodes.find(({ opType, inputs }) => opType !== 'Reshape' && inputs.includes(tensor.name));
    if (!shapesOfReshapes.has(tensor.name) || others) {
      throw new Error(
        `the size of '${name}' cannot be left open: ${others?.opType ?? 'a node'} takes it as a constant`,
      );
    }
    return int64Tensor(
      tensor.name,
      int64Values(tensor).map((dimension) => (dimension === size ? -1 : dimension)),
    );
  });
  return { ...graph, inputs: graph.inputs.map(open), outputs: graph.outputs.map(open), initializers };
}

/** Whether the size is one of a tensor's dimensions, or an element of an int64 vector. */
function holds(tensor: OnnxTensor, size: number): boolean {
  return tensor.shape.includes(size) || (tensor.dtype === 'int64' && int64Values(tensor).includes(size));
}
