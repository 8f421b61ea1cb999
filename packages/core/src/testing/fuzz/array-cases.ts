/** Cases of kernels that move, index, sort and reduce. */
import * as tf from '@tensorflow/tfjs-core';
import type { Values } from '../onnx-runtime.js';
import type { FuzzCase } from './differential.js';
import type { Draw } from './drawing.js';
import type { Generator } from './elementwise-cases.js';

type Op = (x: tf.Tensor) => tf.Tensor | tf.Tensor[];

/** A case of one tensor; of floats, now and then with its gradient. */
function of(draw: Draw, x: Values, settings: unknown, op: Op, differentiable = true): FuzzCase {
  const isSmooth = differentiable && x.dtype === undefined && draw.chance(0.4);
  return { settings, inputs: { x }, fn: ({ x }) => op(x!), gradients: isSmooth ? ['x'] : [], sums: true };
}

type Reduce = (x: tf.Tensor, axis: number[] | undefined, keepDims: boolean) => tf.Tensor;

function reduction(op: Reduce, draw_: (draw: Draw, shape: number[]) => Values, differentiable = true): Generator {
  return (draw) => {
    const shape = draw.shape(0, 4);
    const axes = draw.chance(0.3) ? undefined : draw.axes(shape);
    const keepDims = draw.chance(0.5);
    return of(draw, draw_(draw, shape), { axes, keepDims }, (x) => op(x, axes, keepDims), differentiable);
  };
}

/** Draws again until no input is empty. */
function notEmpty(generator: Generator): Generator {
  return (draw) => {
    const drawn = generator(draw);
    return Object.values(drawn.inputs).some(({ values }) => values.length === 0) ? notEmpty(generator)(draw) : drawn;
  };
}

const anyNumbers = (draw: Draw, shape: number[]) => draw.any(shape, draw.one(['float32', 'float32', 'int32']));
const flags = (draw: Draw, shape: number[]) => draw.booleans(shape);
const calm = (draw: Draw, shape: number[]) =>
  draw.one([draw.floats(shape), draw.distinct(shape), draw.integers(shape), draw.booleans(shape)]);

function position(op: (x: tf.Tensor, axis: number) => tf.Tensor): Generator {
  return (draw) => {
    const shape = draw.shape(1, 4);
    const axis = draw.axis(shape);
    return of(draw, draw.any(shape), { axis }, (x) => op(x, axis), false);
  };
}

const concat: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const axis = draw.axis(shape);
  const names = ['a', 'b', 'c'].slice(0, draw.integer(1, 3));
  const dtype = draw.chance(0.1) ? undefined : draw.one(['float32', 'int32', 'bool'] as const);
  const part = () => draw.any(shape.with(axis, draw.integer(draw.chance(0.2) ? 0 : 1, 3)), dtype);
  return {
    settings: { axis },
    inputs: Object.fromEntries(names.map((name) => [name, part()])),
    fn: (inputs) =>
      tf.concat(
        names.map((name) => inputs[name]!),
        axis,
      ),
    gradients: dtype === 'float32' && draw.chance(0.3) ? names : [],
  };
};

const stack: Generator = (draw) => {
  const shape = draw.shape(0, 3);
  const axis = draw.integer(-shape.length - 1, shape.length);
  const dtype = draw.one(['float32', 'int32', 'bool'] as const);
  return {
    settings: { axis },
    inputs: { a: draw.any(shape, dtype), b: draw.any(shape, dtype) },
    fn: ({ a, b }) => tf.stack([a!, b!], axis),
    gradients: dtype === 'float32' && draw.chance(0.3) ? ['a', 'b'] : [],
  };
};

const split: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const axis = draw.axis(shape);
  const sizes = Array.from({ length: draw.integer(1, 3) }, () => draw.integer(draw.chance(0.1) ? 0 : 1, 2));
  const x = draw.any(
    shape.with(
      axis,
      sizes.reduce((a, b) => a + b, 0),
    ),
  );
  const given = draw.chance(0.2) && sizes[0]! > 0 ? sizes.with(0, -1) : sizes;
  return of(draw, x, { axis, given }, (x) => tf.split(x, given, axis));
};

const slice: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const begin = shape.map((size) => draw.integer(0, Math.max(size - 1, 0)));
  const size = shape.map((total, axis) => (draw.chance(0.2) ? -1 : draw.integer(0, total - begin[axis]!)));
  return of(draw, draw.any(shape), { begin, size }, (x) => tf.slice(x, begin, size));
};

const stridedSlice: Generator = (draw) => {
  const shape = draw.shape(1, 4, 5);
  const bound = (size: number) => draw.integer(-size - 1, size + 1);
  const [begin, end] = [shape.map(bound), shape.map(bound)];
  const strides = shape.map(() => draw.one([1, 1, 2, -1, -2]));
  const mask = () => (draw.chance(0.5) ? 0 : draw.integer(0, 2 ** shape.length - 1));
  const [beginMask, endMask, shrinkMask] = [mask(), mask(), draw.chance(0.7) ? 0 : mask()];
  return of(
    draw,
    draw.any(shape),
    { begin, end, strides, beginMask, endMask, shrinkMask },
    (x) => tf.stridedSlice(x, begin, end, strides, beginMask, endMask, 0, 0, shrinkMask),
    false,
  );
};

const pad: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const paddings = shape.map(() => [draw.integer(0, 2), draw.integer(0, 2)] as [number, number]);
  const value = draw.one([0, 1, -3]);
  return of(draw, draw.any(shape), { paddings, value }, (x) => tf.pad(x, paddings, value));
};

const mirrorPad: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const mode = draw.one(['reflect', 'symmetric'] as const);
  const most = (size: number) => Math.max(0, size - Number(mode === 'reflect'));
  const paddings = shape.map((size) => [draw.integer(0, most(size)), draw.integer(0, most(size))] as [number, number]);
  return of(draw, draw.any(shape), { paddings, mode }, (x) => tf.mirrorPad(x, paddings, mode));
};

const gather: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const batchDims = draw.chance(0.3) ? draw.integer(0, shape.length - 1) : 0;
  const axis = draw.integer(batchDims, shape.length - 1);
  const ids = draw.integers(
    [...shape.slice(0, batchDims), ...draw.shape(batchDims > 0 ? 1 : 0, 2)],
    0,
    shape[axis]! - 1,
  );
  const x = draw.any(shape);
  return {
    settings: { axis, batchDims },
    inputs: { x, ids },
    fn: ({ x, ids }) => tf.gather(x!, ids as tf.Tensor1D, axis, batchDims),
    gradients: x.dtype === undefined && batchDims === 0 && draw.chance(0.3) ? ['x'] : [],
    sums: true,
  };
};

/** Positions in a shape's first axes: int32 [count, rank]. */
function places(draw: Draw, shape: number[], rank: number, count: number): Values {
  const values = Array.from({ length: count * rank }, (_, k) => draw.integer(0, shape[k % rank]! - 1));
  return { shape: [count, rank], values, dtype: 'int32' };
}

const gatherNd: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const rank = draw.integer(1, shape.length);
  return {
    settings: { rank },
    inputs: { x: draw.any(shape), ids: places(draw, shape, rank, draw.integer(1, 4)) },
    fn: ({ x, ids }) => tf.gatherND(x!, ids!),
  };
};

const scatterNd: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const rank = draw.integer(1, shape.length);
  const ids = places(draw, shape, rank, draw.integer(1, 5));
  const updates = draw.any([ids.shape[0]!, ...shape.slice(rank)], draw.one(['float32', 'int32']));
  return {
    settings: { shape },
    inputs: { ids, updates },
    fn: ({ ids, updates }) => tf.scatterND(ids!, updates!, shape),
    sums: true,
  };
};

const sparseToDense: Generator = (draw) => {
  const shape = draw.shape(1, 3);
  const count = draw.integer(1, shape[0] || 1);
  const rows = draw.permutation(shape[0]!).slice(0, count);
  const values = rows.flatMap((row) => [row, ...shape.slice(1).map((size) => draw.integer(0, size - 1))]);
  const dtype = draw.one(['float32', 'int32'] as const);
  return {
    settings: { shape },
    inputs: {
      ids: { shape: [rows.length, shape.length], values, dtype: 'int32' },
      values: draw.any([rows.length], dtype),
      otherwise: draw.any([], dtype),
    },
    fn: ({ ids, values, otherwise }) => tf.sparseToDense(ids!, values!, shape, otherwise as tf.Scalar),
  };
};

const tensorScatterUpdate: Generator = (draw) => {
  const shape = draw.shape(1, 3);
  const rows = draw.permutation(shape[0]!).slice(0, draw.integer(1, shape[0] || 1));
  const dtype = draw.one(['float32', 'int32'] as const);
  return {
    settings: {},
    inputs: {
      x: draw.any(shape, dtype),
      ids: { shape: [rows.length, 1], values: rows, dtype: 'int32' },
      updates: draw.any([rows.length, ...shape.slice(1)], dtype),
    },
    fn: ({ x, ids, updates }) => tf.tensorScatterUpdate(x!, ids as tf.Tensor2D, updates!),
  };
};

const segmentSum: Generator = (draw) => {
  const shape = draw.shape(1, 3);
  const segments = draw.integer(1, 4);
  const x = draw.floats(shape); // of integers, the cpu backend makes floats
  const differentiable = draw.chance(0.3);
  return {
    settings: { segments },
    inputs: { x, ids: draw.integers([shape[0]!], -1, differentiable ? segments - 1 : segments) },
    fn: ({ x, ids }) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, segments),
    gradients: differentiable ? ['x'] : [],
    sums: true,
  };
};

const bincount: Generator = (draw) => {
  const size = draw.integer(1, 5);
  const shape = draw.shape(1, 1, 6);
  const isWeighted = draw.chance(0.5);
  return {
    settings: { size },
    inputs: { x: draw.integers(shape, 0, 6), w: draw.floats(isWeighted ? shape : [0]) },
    fn: ({ x, w }) => tf.bincount(x as tf.Tensor1D, w as tf.Tensor1D, size),
    sums: true,
  };
};

const denseBincount: Generator = (draw) => {
  const size = draw.integer(1, 5);
  const shape = draw.shape(1, 2);
  const binary = draw.chance(0.3);
  const isWeighted = draw.chance(0.5);
  return {
    settings: { size, binary },
    inputs: { x: draw.integers(shape, 0, 6), w: draw.floats(isWeighted ? shape : [0]) },
    fn: ({ x, w }) => tf.denseBincount(x as tf.Tensor1D, w as tf.Tensor1D, size, binary),
    sums: true,
  };
};

const oneHot: Generator = (draw) => {
  const depth = draw.integer(1, 4);
  const [on, off] = [draw.one([1, 5]), draw.one([0, -2])];
  const dtype = draw.one(['float32', 'int32'] as const);
  const x = draw.integers(draw.shape(0, 3), -1, depth);
  return {
    settings: { depth, on, off, dtype },
    inputs: { x },
    fn: ({ x }) => tf.oneHot(x as tf.Tensor1D, depth, on, off, dtype),
  };
};

const transpose: Generator = (draw) => {
  const shape = draw.shape(0, 5, 3);
  const perm = draw.chance(0.2) ? undefined : draw.permutation(shape.length);
  return of(draw, draw.any(shape), { perm }, (x) => tf.transpose(x, perm));
};

const reshape: Generator = (draw) => {
  const shape = draw.shape(0, 4);
  const size = shape.reduce((a, b) => a * b, 1);
  const target = draw.one([[size], [-1], [1, size], [size, 1, 1], [...shape, 1]]);
  return of(draw, draw.any(shape), { target }, (x) => tf.reshape(x, target));
};

const topK: Generator = (draw) => {
  const shape = draw.shape(1, 3, 6);
  const k = draw.integer(0, shape.at(-1)!);
  const x = draw.one([draw.distinct(shape), draw.floats(shape), draw.integers(shape)]);
  return of(draw, x, { k }, (x) => Object.values(tf.topk(x, k)), false);
};

const searchSorted: Generator = (draw) => {
  const shape = draw.shape(1, 2, 5);
  const rows = shape.slice(0, -1);
  const sorted = draw.floats(shape);
  const width = shape.at(-1)!;
  const ascending = sorted.values.map((_, k) => {
    const start = Math.floor(k / width) * width;
    return [...sorted.values.slice(start, start + width)].sort((a, b) => a - b)[k - start]!;
  });
  const side = draw.one(['left', 'right'] as const);
  return {
    settings: { side },
    inputs: { sorted: { shape, values: ascending }, values: draw.floats([...rows, draw.integer(1, 4)], draw.range()) },
    fn: ({ sorted, values }) => tf.searchSorted(sorted!, values!, side),
  };
};

const cumulative =
  (op: typeof tf.cumsum): Generator =>
  (draw) => {
    const shape = draw.shape(1, 3);
    // The cpu backend takes no negative axes.
    const axis = draw.integer(0, shape.length - 1);
    const [exclusive, reverse] = [draw.chance(0.5), draw.chance(0.5)];
    const x = draw.chance(0.2) ? draw.floats(shape, 'special') : calm(draw, shape);
    // Its gradients are for the last axis.
    const isLast = axis === shape.length - 1;
    return of(
      draw,
      x,
      { axis, exclusive, reverse },
      (x) => op(x, axis, exclusive, reverse),
      isLast && op === tf.cumsum,
    );
  };

const blockwise: Generator = (draw) => {
  const blockShape = draw.one([[2], [2, 2], [1, 3]]);
  const paddings = blockShape.map((block) => {
    const before = draw.integer(0, 2);
    return [before, (block - (before % block)) % block];
  });
  const x = draw.any([
    draw.integer(1, 2),
    ...blockShape.map((block) => block * draw.integer(1, 2)),
    draw.integer(1, 2),
  ]);
  return of(draw, x, { blockShape, paddings }, (x) => tf.spaceToBatchND(x, blockShape, paddings));
};

const unblockwise: Generator = (draw) => {
  const blockShape = draw.one([[2], [2, 2], [1, 3]]);
  const crops = blockShape.map(() => [draw.integer(0, 1), draw.integer(0, 1)]);
  const batch = blockShape.reduce((a, b) => a * b, 1) * draw.integer(1, 2);
  const x = draw.any([batch, ...blockShape.map(() => draw.integer(2, 3)), draw.integer(1, 2)]);
  return of(draw, x, { blockShape, crops }, (x) => tf.batchToSpaceND(x, blockShape, crops));
};

const depthToSpace: Generator = (draw) => {
  const block = draw.integer(2, 3);
  const x = draw.any([draw.integer(1, 2), 2, draw.integer(1, 3), block * block * draw.integer(1, 2)]);
  return of(draw, x, { block }, (x) => tf.depthToSpace(x as tf.Tensor4D, block), false);
};

const tile: Generator = (draw) => {
  const shape = draw.shape(1, 4, 3);
  const reps = shape.map(() => draw.integer(1, 3));
  return of(draw, draw.any(shape), { reps }, (x) => tf.tile(x, reps));
};

const expandDims: Generator = (draw) => {
  const shape = draw.shape(0, 4);
  const axis = draw.integer(-shape.length - 1, shape.length);
  return of(draw, draw.any(shape), { axis }, (x) => tf.expandDims(x, axis));
};

const unstack: Generator = (draw) => {
  const shape = draw.shape(1, 4, 3);
  const axis = draw.axis(shape);
  return of(draw, draw.any(shape), { axis }, (x) => tf.unstack(x, axis));
};

const reverse: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const axes = draw.axes(shape);
  return of(draw, draw.any(shape), { axes }, (x) => tf.reverse(x, axes));
};

const created =
  (op: (draw: Draw) => [unknown, () => tf.Tensor]): Generator =>
  (draw) => {
    const [settings, make] = op(draw);
    return { settings, inputs: { x: draw.floats([]) }, fn: ({ x }) => [make(), x!] };
  };

const broadcastArgs: Generator = (draw) => {
  const shape = draw.shape(1, 4);
  const other = draw.broadcastable(shape);
  const vector = (values: number[]): Values => ({ shape: [values.length], values, dtype: 'int32' });
  return {
    settings: {},
    inputs: { a: vector(shape), b: vector(other.length > 0 ? other : [1]) },
    fn: ({ a, b }) => tf.broadcastArgs(a!, b!),
  };
};

export const arrayCases: Readonly<Record<string, Generator>> = {
  Sum: reduction(tf.sum, calm),
  Mean: reduction(tf.mean, calm),
  Max: notEmpty(reduction(tf.max, anyNumbers)), // the greatest of no values is −∞, and NaN on the cpu backend
  Min: notEmpty(reduction(tf.min, anyNumbers)),
  Prod: reduction(tf.prod, calm),
  All: notEmpty(reduction(tf.all, flags, false)), // all of no values are true, and false on the cpu backend
  Any: reduction(tf.any, flags, false),
  ArgMax: position(tf.argMax),
  ArgMin: position(tf.argMin),
  Concat: concat,
  Pack: stack,
  Unpack: unstack,
  SplitV: split,
  Slice: slice,
  StridedSlice: stridedSlice,
  PadV2: pad,
  MirrorPad: mirrorPad,
  GatherV2: gather,
  GatherNd: gatherNd,
  ScatterNd: scatterNd,
  SparseToDense: sparseToDense,
  TensorScatterUpdate: tensorScatterUpdate,
  UnsortedSegmentSum: segmentSum,
  Bincount: bincount,
  DenseBincount: denseBincount,
  OneHot: oneHot,
  Transpose: transpose,
  Reshape: reshape,
  ExpandDims: expandDims,
  Reverse: reverse,
  Tile: tile,
  TopK: topK,
  SearchSorted: searchSorted,
  Cumsum: cumulative(tf.cumsum),
  Cumprod: cumulative(tf.cumprod),
  SpaceToBatchND: blockwise,
  BatchToSpaceND: unblockwise,
  DepthToSpace: depthToSpace,
  Diag: (draw) => of(draw, draw.any(draw.shape(1, 2)), {}, (x) => tf.diag(x), false),
  BroadcastArgs: broadcastArgs,
  Fill: created((draw) => {
    const [shape, value] = [draw.shape(0, 3), draw.one([0, 2.5, -7])];
    const dtype = draw.one(['float32', 'int32'] as const);
    return [{ shape, value, dtype }, () => tf.fill(shape, value, dtype)];
  }),
  Range: created((draw) => {
    const [start, stop, step] = [draw.integer(-5, 5), draw.integer(-5, 5), draw.one([1, 2, -1, 0.5])];
    const dtype = draw.one(['float32', 'int32'] as const);
    return [{ start, stop, step, dtype }, () => tf.range(start, stop, step, dtype)];
  }),
  LinSpace: created((draw) => {
    const [start, stop, count] = [draw.integer(-5, 5), draw.integer(-5, 5), draw.integer(1, 6)];
    return [{ start, stop, count }, () => tf.linspace(start, stop, count)];
  }),
};
