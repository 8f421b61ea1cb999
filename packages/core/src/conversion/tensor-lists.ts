/** TensorFlow's operations on lists of tensors, and on arrays of tensors, which are lists here too. */
import * as tf from '@tensorflow/tfjs-core';
import { TraceError } from '../tracing/backend.js';
import type { GraphNode } from './graph-nodes.js';
import type { NodeOp } from './node-op.js';
import { TensorList, tensorOf, type Value } from './values.js';

function listOf(value: Value | undefined): TensorList {
  if (value instanceof TensorList) return value;
  throw new TraceError('takes a tensor, where a list of tensors is needed');
}

function numbersOf(value: Value | undefined): number[] {
  return Array.from(tensorOf(value).dataSync());
}

function elementType(node: GraphNode): tf.DataType {
  const { elementDType, dtype } = node.attrParams;
  const type = (elementDType?.value ?? dtype?.value ?? 'float32') as tf.DataType;
  if (type !== 'string') return type;
  throw new TraceError('ONNX has no strings');
}

/** The shape in a tensor; a scalar of −1 stands for an unknown rank. */
function shapeOf(value: Value | undefined): number[] | undefined {
  const tensor = tensorOf(value);
  return tensor.rank === 0 ? undefined : numbersOf(tensor);
}

const reserve: NodeOp = (node, [shape, size]) => [
  new TensorList(Math.max(numbersOf(size)[0]!, 0), elementType(node), shapeOf(shape)),
];

const scatter = (list: TensorList, indices: Value | undefined, tensor: Value | undefined): TensorList => {
  const elements = tensorOf(tensor);
  const positions = tf.expandDims(tensorOf(indices), 1);
  const before = list.isShapeKnown ? list : list.withElementShape(elements.shape.slice(1));
  return list.withElements(tf.tensorScatterUpdate(before.stacked(), positions, elements));
};

const lengths = ({ size, elements }: TensorList): tf.Tensor => tf.fill([size], elements?.shape[1] ?? 0, 'int32');

const joined = (list: TensorList): Value[] => {
  const elements = list.stacked();
  const [size, length, ...rest] = elements.shape as [number, number, ...number[]];
  return [tf.reshape(elements, [size * length, ...rest]), lengths(list)];
};

const arrayOf: NodeOp = (node, [size]) => {
  const shape = node.attrParams.elementShape?.value as number[] | undefined;
  const list = new TensorList(numbersOf(size)[0]!, elementType(node), shape?.length ? shape : undefined);
  // The handle and the flow; operations take the flow, which orders them.
  return [list, list];
};

/** Operations on TensorLists, and on TensorArrays, whose `flow` is taken for the list. */
export const listOps: Readonly<Record<string, NodeOp>> = {
  TensorListReserve: reserve,
  EmptyTensorList: (node, [shape]) => [new TensorList(0, elementType(node), shapeOf(shape))],
  TensorListFromTensor: (_, [tensor]) => {
    const elements = tensorOf(tensor);
    return [new TensorList(0, elements.dtype, undefined).withElements(elements)];
  },
  TensorListSetItem: (_, [list, index, item]) => [listOf(list).set(tensorOf(index), tensorOf(item))],
  TensorListGetItem: (_, [list, index]) => [listOf(list).gathered(tensorOf(index))],
  TensorListGather: (_, [list, indices]) => [listOf(list).gathered(tensorOf(indices))],
  TensorListStack: (_, [list]) => [listOf(list).stacked()],
  TensorListLength: (_, [list]) => [tf.scalar(listOf(list).size, 'int32')],
  TensorListPushBack: (_, [list, item]) => {
    const element = tf.expandDims(tensorOf(item), 0);
    const before = listOf(list);
    return [before.withElements(before.size === 0 ? element : tf.concat([before.stacked(), element], 0))];
  },
  TensorListConcat: (_, [list]) => joined(listOf(list)),
  TensorListConcatV2: (_, [list]) => joined(listOf(list)),
  TensorListScatter: (node, [tensor, indices]) => {
    const list = new TensorList(tensorOf(indices).size, elementType(node), undefined);
    return [scatter(list, indices, tensor)];
  },
  TensorArrayV3: arrayOf,
  TensorArrayWriteV3: (_, [, index, value, flow]) => [listOf(flow).set(tensorOf(index), tensorOf(value))],
  TensorArrayReadV3: (_, [, index, flow]) => [listOf(flow).gathered(tensorOf(index))],
  TensorArrayGatherV3: (_, [, indices, flow]) => [listOf(flow).gathered(tensorOf(indices))],
  TensorArrayScatterV3: (_, [, indices, value, flow]) => [scatter(listOf(flow), indices, value)],
  TensorArrayConcatV3: (_, [, flow]) => joined(listOf(flow)),
  TensorArraySizeV3: (_, [, flow]) => [tf.scalar(listOf(flow).size, 'int32')],
  TensorArrayCloseV3: () => [],
};
