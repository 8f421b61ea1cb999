import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeOnnx } from '../onnx/file.js';
import {
  checkConverted,
  converted,
  expectSameOutputs,
  graphModelOf,
  type NodeDef,
  placeholder,
} from '../testing/converted-model.js';
import type { GraphModel } from './graph-model.js';
import { toOnnx } from './to-onnx.js';

const random = (...shape: number[]) => tf.randomUniform(shape, 0, 1, 'float32', 7);
const int32 = (value: number) => tf.scalar(value, 'int32');
const op = (name: string, opType: string, input: string[], attr: NodeDef['attr'] = {}): NodeDef => ({
  name,
  op: opType,
  input,
  attr,
});
const func = (name: string) => ({ func: { name } });
const ofFloats = { element_dtype: { type: 'DT_FLOAT' }, shape_type: { type: 'DT_INT32' } };

/** A function of a graph's library, whose parameters and results are given with their types, such as `i: 'INT32'`. */
function functionDef(
  name: string,
  parameters: Record<string, string>,
  results: Record<string, { type: string; of: string }>,
  nodes: NodeDef[],
  constants: string[] = [],
) {
  const arg = ([each, type]: [string, string]) => ({ name: each, type: `DT_${type}` });
  const types = Object.entries(results).map(([each, { type }]): [string, string] => [each, type]);
  const constant = (each: string) => op(each, 'Const', [], { dtype: { type: 'DT_INT32' } });
  return {
    signature: { name, inputArg: Object.entries(parameters).map(arg), outputArg: types.map(arg) },
    nodeDef: [...constants.map(constant), ...nodes],
    ret: Object.fromEntries(Object.entries(results).map(([each, { of }]) => [each, of])),
  };
}

/** Flattening, as TensorFlow's converter writes it: Shape → StridedSlice → Pack → Reshape. */
const flatten = () =>
  graphModelOf({
    nodes: [
      placeholder('x', [-1, 2, 3]),
      op('shape', 'Shape', ['x']),
      op('rows', 'StridedSlice', ['shape', 'begin', 'end', 'stride'], { shrink_axis_mask: { i: '1' } }),
      op('sizes', 'Pack', ['rows', 'six'], { N: { i: '2' }, axis: { i: '0' } }),
      op('y', 'Reshape', ['x', 'sizes']),
    ],
    outputs: ['y'],
    weights: {
      ...{ begin: tf.tensor1d([0], 'int32'), end: tf.tensor1d([1], 'int32'), stride: tf.tensor1d([1], 'int32') },
      six: int32(6),
    },
  });

/** Five steps of h → tanh(h·W). */
const whileLoop = () =>
  graphModelOf({
    nodes: [
      placeholder('x', [-1, 3]),
      op('loop', 'StatelessWhile', ['zero', 'x', 'w'], { cond: func('less'), body: func('step') }),
      op('y', 'Identity', ['loop:1']),
    ],
    outputs: ['y'],
    weights: { zero: int32(0), one: int32(1), five: int32(5), w: random(3, 3) },
    functions: [
      functionDef(
        'less',
        { i: 'INT32', h: 'FLOAT', w0: 'FLOAT' },
        { r: { type: 'BOOL', of: 'isLess:z:0' } },
        [op('isLess', 'Less', ['i', 'five'])],
        ['five'],
      ),
      functionDef(
        'step',
        { j: 'INT32', h1: 'FLOAT', w1: 'FLOAT' },
        {
          r0: { type: 'INT32', of: 'next:z:0' },
          r1: { type: 'FLOAT', of: 'squashed:y:0' },
          r2: { type: 'FLOAT', of: 'sameW:output:0' },
        },
        [
          op('next', 'AddV2', ['j', 'one']),
          op('product', 'MatMul', ['h1', 'w1']),
          op('squashed', 'Tanh', ['product:product:0']),
          op('sameW', 'Identity', ['w1']),
        ],
        ['one'],
      ),
    ],
  });

/** A recurrent network as Keras saves it: the inputs and outputs of steps are lists of tensors. */
const recurrent = () =>
  graphModelOf({
    nodes: [
      placeholder('x', [-1, 4, 3]),
      op('stepsFirst', 'Transpose', ['x', 'perm']),
      op('inputs', 'TensorListFromTensor', ['stepsFirst', 'any'], ofFloats),
      op('outputs', 'TensorListReserve', ['any', 'four'], ofFloats),
      op('first', 'ZerosLike', ['firstInput']),
      op('firstInput', 'StridedSlice', ['stepsFirst', 'begin', 'end', 'stride'], { shrink_axis_mask: { i: '1' } }),
      op('loop', 'While', ['zero', 'outputs', 'first', 'inputs'], { cond: func('less'), body: func('step') }),
      op('stacked', 'TensorListStack', ['loop:1', 'any'], { ...ofFloats, num_elements: { i: '4' } }),
      op('y', 'Transpose', ['stacked', 'perm']),
      op('last', 'Identity', ['loop:2']),
    ],
    outputs: ['y', 'last'],
    weights: {
      ...{ zero: int32(0), one: int32(1), four: int32(4), any: tf.tensor1d([-1, 3], 'int32') },
      ...{ begin: tf.tensor1d([0], 'int32'), end: tf.tensor1d([1], 'int32'), stride: tf.tensor1d([1], 'int32') },
      perm: tf.tensor1d([1, 0, 2], 'int32'),
    },
    functions: [
      functionDef(
        'less',
        { i: 'INT32', o: 'VARIANT', h: 'FLOAT', n: 'VARIANT' },
        { r: { type: 'BOOL', of: 'isLess:z:0' } },
        [op('isLess', 'Less', ['i', 'four'])],
        ['four'],
      ),
      functionDef(
        'step',
        { j: 'INT32', o1: 'VARIANT', h1: 'FLOAT', n1: 'VARIANT' },
        {
          r0: { type: 'INT32', of: 'next:z:0' },
          r1: { type: 'VARIANT', of: 'set:output_handle:0' },
          r2: { type: 'FLOAT', of: 'state:output:0' },
          r3: { type: 'VARIANT', of: 'sameInputs:output:0' },
        },
        [
          op('input', 'TensorListGetItem', ['n1', 'j', 'any'], ofFloats),
          op('sum', 'AddV2', ['input:item:0', 'h1']),
          op('squashed', 'Tanh', ['sum:z:0']),
          op('state', 'Identity', ['squashed:y:0']),
          op('set', 'TensorListSetItem', ['o1', 'j', 'state:output:0'], ofFloats),
          op('next', 'AddV2', ['j', 'one']),
          op('sameInputs', 'Identity', ['n1']),
        ],
        ['one', 'any'],
      ),
    ],
  });

const branches = [
  functionDef('square', { s: 'FLOAT' }, { r: { type: 'FLOAT', of: 'squared:y:0' } }, [op('squared', 'Square', ['s'])]),
  functionDef('negate', { n: 'FLOAT' }, { r: { type: 'FLOAT', of: 'negated:y:0' } }, [op('negated', 'Neg', ['n'])]),
];
const aboveThree = [
  placeholder('x', [-1, 3]),
  op('sum', 'Sum', ['x', 'axes'], { keep_dims: { b: false } }),
  op('isAbove', 'Greater', ['sum', 'three']),
];
const ofAboveThree = { axes: tf.tensor1d([0, 1], 'int32'), three: tf.scalar(3) };

const condition = () =>
  graphModelOf({
    nodes: [
      ...aboveThree,
      op('chosen', 'StatelessIf', ['isAbove', 'x'], { then_branch: func('square'), else_branch: func('negate') }),
      op('y', 'Identity', ['chosen']),
    ],
    outputs: ['y'],
    weights: ofAboveThree,
    functions: branches,
  });

/** TensorFlow 1's condition. */
const switched = () =>
  graphModelOf({
    nodes: [
      ...aboveThree,
      op('switch', 'Switch', ['x', 'isAbove']),
      op('negated', 'Neg', ['switch']),
      op('squared', 'Square', ['switch:1']),
      op('y', 'Merge', ['negated', 'squared']),
    ],
    outputs: ['y'],
    weights: ofAboveThree,
  });

const enter = (name: string, input: string, type: string) =>
  op(name, 'Enter', [input], { frame_name: { s: btoa('frame') }, is_constant: { b: false }, T: { type } });

/** TensorFlow 1's loop: four square roots. */
const frame = () =>
  graphModelOf({
    nodes: [
      placeholder('x', [-1, 3]),
      ...[enter('enterI', 'zero', 'DT_INT32'), enter('enterX', 'x', 'DT_FLOAT')],
      ...[op('mergeI', 'Merge', ['enterI', 'nextI']), op('mergeX', 'Merge', ['enterX', 'nextX'])],
      ...[op('isLess', 'Less', ['mergeI', 'four']), op('goesOn', 'LoopCond', ['isLess'])],
      ...[op('switchI', 'Switch', ['mergeI', 'goesOn']), op('switchX', 'Switch', ['mergeX', 'goesOn'])],
      ...[op('more', 'AddV2', ['switchI:1', 'one']), op('root', 'Sqrt', ['switchX:1'])],
      ...[op('nextI', 'NextIteration', ['more']), op('nextX', 'NextIteration', ['root'])],
      op('y', 'Exit', ['switchX']),
    ],
    outputs: ['y'],
    weights: { zero: int32(0), one: int32(1), four: int32(4) },
  });

/** The end of a detector: boxes that overlap less than a limit, best first. */
const detector = (sigma = 0) =>
  graphModelOf({
    nodes: [
      ...[placeholder('boxes', [20, 4]), placeholder('scores', [20])],
      op('best', 'NonMaxSuppressionV5', ['boxes', 'scores', 'most', 'overlap', 'least', 'sigma']),
      ...[op('found', 'GatherV2', ['boxes', 'best', 'axis']), op('probabilities', 'Identity', ['best:1'])],
    ],
    outputs: ['found', 'probabilities'],
    weights: {
      ...{ most: int32(6), overlap: tf.scalar(0.3), least: tf.scalar(0.2), sigma: tf.scalar(sigma), axis: int32(0) },
    },
  });

const where = () =>
  graphModelOf({
    nodes: [placeholder('x', [-1, 3]), op('isAbove', 'Greater', ['x', 'half']), op('y', 'Where', ['isAbove'])],
    outputs: ['y'],
    weights: { half: tf.scalar(0.5) },
  });

const corners = () => tf.concat([random(20, 2), tf.add(tf.reverse(random(20, 2)), 0.5)], 1);

/** Models, inputs of two batches, and the operators of ONNX that their control flow becomes. */
const cases: Record<string, () => [Promise<GraphModel>, tf.Tensor[][], string[]]> = {
  'a flattened image': () => [flatten(), [[random(1, 2, 3)], [random(4, 2, 3)]], []],
  'a loop of functions': () => [whileLoop(), [[random(1, 3)], [random(5, 3)]], ['Loop']],
  'a recurrent network with lists of tensors': () => [recurrent(), [[random(1, 4, 3)], [random(3, 4, 3)]], ['Loop']],
  'a condition with functions': () => [condition(), [[random(1, 3)], [random(5, 3)]], ['If']],
  "TensorFlow 1's condition": () => [switched(), [[random(1, 3)], [random(5, 3)]], ['If']],
  "TensorFlow 1's loop": () => [frame(), [[random(1, 3)], [random(5, 3)]], ['Loop']],
  'a detector with non-maximum suppression': () => [detector(), [[corners(), random(20)]], ['NonMaxSuppression']],
  'positions of true elements': () => [where(), [[random(2, 3)], [random(4, 3)]], ['NonZero']],
};

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.each(Object.entries(cases))('%s', (_, make) => {
  test('converts for any batch to what ONNX Runtime computes alike', async () => {
    const [loaded, inputs, operators] = make();
    const model = await loaded;
    const bytes = await converted(model);
    await expectSameOutputs(model, bytes, ...inputs);
    const opTypes = decodeOnnx(bytes).nodes.map(({ opType }) => opType);
    expect(opTypes.filter((each) => /^(If|Loop|NonZero|NonMaxSuppression)$/.test(each))).toEqual(operators);
  });
});

test('what cannot be converted is refused with one line that names the node', async () => {
  const x = placeholder('x', [-1, 3]);
  const strings = await graphModelOf({ nodes: [x, op('words', 'StringSplit', ['x', 'x'])], outputs: ['words'] });
  await expect(toOnnx(strings)).rejects.toThrow("node 'words' (StringSplit): ONNX has no strings");
  await expect(toOnnx(await detector(0.5))).rejects.toThrow(/node 'best' .*softNmsSigma is not 0/);
  const alone = await graphModelOf({ nodes: [x, enter('in', 'x', 'DT_FLOAT')], outputs: ['in'] });
  await expect(toOnnx(alone)).rejects.toThrow("node 'in' (Enter): this Enter is part of no loop or condition");
  const unlike = await graphModelOf({
    nodes: [
      ...aboveThree,
      op('y', 'If', ['isAbove', 'x'], { then_branch: func('square'), else_branch: func('total') }),
    ],
    outputs: ['y'],
    weights: ofAboveThree,
    functions: [
      branches[0]!,
      functionDef(
        'total',
        { t: 'FLOAT' },
        { r: { type: 'FLOAT', of: 'whole:output:0' } },
        [op('whole', 'Sum', ['t', 'axes'], { keep_dims: { b: false } })],
        ['axes'],
      ),
    ],
  });
  await expect(toOnnx(unlike)).rejects.toThrow(/node 'y' \(If\): the branches give values of different types/);
});

checkConverted();
