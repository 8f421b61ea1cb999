// The behaviour of `compile`: its results beside `fit` and `minimize` on the cpu backend, and what it refuses.
import * as tf from '@tensorflow/tfjs';
import { GRU, Linear } from '@unroll/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';
import { largestDifference, trainBoth } from '../testing/beside-fit.js';
import { compile } from './compile.js';
import type { Loss } from './loss.js';
import type { ModelFunction } from './model.js';

const { layers } = tf;

function values(...shape: number[]): tf.Tensor {
  return tf.sin(tf.mul(tf.range(1, tf.util.sizeFromShape(shape) + 1), 12.9898)).reshape(shape);
}

const classes = [2, 0, 1, 1, 2, 0, 0, 1];
const oneHot = () => tf.oneHot(tf.tensor1d(classes, 'int32'), 3).toFloat();
const classifier = () =>
  tf.sequential({
    layers: [
      layers.dense({ units: 4, activation: 'tanh', inputShape: [5] }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
const regressor = () => tf.sequential({ layers: [layers.dense({ units: 3, inputShape: [5] })] });
const engine = () => selectEngine('onnxruntime', 1);

/** Sets the learning rate as a schedule's callback does, because only some optimizers have a method for it. */
function setLearningRate(optimizer: tf.Optimizer, rate: number): void {
  const { setLearningRate } = optimizer as { setLearningRate?: (rate: number) => void };
  if (setLearningRate) setLearningRate.call(optimizer, rate);
  else Object.assign(optimizer, { learningRate: rate });
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('the losses of TensorFlow.js', () => {
  test.each<[string, () => tf.Tensor]>([
    ['categoricalCrossentropy', oneHot],
    ['sparseCategoricalCrossentropy', () => tf.tensor2d(classes, [8, 1])],
    ['binaryCrossentropy', oneHot],
    ['kullbackLeiblerDivergence', oneHot],
    ['categoricalHinge', oneHot],
    ['hinge', oneHot],
    ['squaredHinge', oneHot],
    ['poisson', oneHot],
    ['cosineProximity', oneHot],
    ['logcosh', oneHot],
    ['meanSquaredError', oneHot],
    ['meanAbsoluteError', oneHot],
    ['meanAbsolutePercentageError', oneHot],
    ['meanSquaredLogarithmicError', oneHot],
  ])('%s is that of fit', async (loss, labels) => {
    const { fitted, compiled } = await trainBoth({ model: classifier, xs: values(8, 5), ys: labels(), loss });
    expect(largestDifference(fitted, compiled)).toBeLessThan(1e-4);
  });

  test.each<[string, number[], number[]]>([
    ['of one number each, for one unit', [8], [8, 1]],
    ['and inputs of one number each', [8], [8]],
  ])('labels %s are columns, as in fit', async (_, ys, xs) => {
    const column = () => tf.sequential({ layers: [layers.dense({ units: 1, inputShape: [1] })] });
    const { fitted, compiled } = await trainBoth({ model: column, xs: values(...xs), ys: values(...ys) });
    expect(largestDifference(fitted, compiled)).toBeLessThan(1e-4);
  });

  test('a function is a loss', async () => {
    const loss: Loss = (labels, predictions) => tf.losses.huberLoss(labels, predictions);
    const { fitted, compiled } = await trainBoth({ model: regressor, xs: values(8, 5), ys: values(8, 3), loss });
    expect(largestDifference(fitted, compiled)).toBeLessThan(1e-4);
  });
});

describe('the optimizers of TensorFlow.js', () => {
  test.each<[string, () => tf.Optimizer]>([
    ['sgd', () => tf.train.sgd(0.1)],
    ['momentum', () => tf.train.momentum(0.1, 0.9)],
    ['momentum, Nesterov’s', () => tf.train.momentum(0.1, 0.9, true)],
    ['adagrad', () => tf.train.adagrad(0.1)],
    ['adadelta', () => tf.train.adadelta(0.5)],
    ['adam', () => tf.train.adam(0.01)],
    ['adamax', () => tf.train.adamax(0.01, 0.9, 0.99, 1e-7, 0.1)],
    ['rmsprop', () => tf.train.rmsprop(0.01)],
    ['rmsprop, centered', () => tf.train.rmsprop(0.01, 0.9, 0.5, 1e-12, true)],
  ])('%s updates as in fit', async (_, optimizer) => {
    const training = { model: regressor, xs: values(8, 5), ys: values(8, 3), optimizer, epochs: 2 };
    const { fitted, compiled } = await trainBoth(training);
    expect(largestDifference(fitted, compiled)).toBeLessThan(1e-4);
  });

  test.each<[string, () => tf.Optimizer]>([
    ['sgd', () => tf.train.sgd(0.5)],
    ['adam', () => tf.train.adam(0.5)],
  ])('a learning rate that is set on %s holds from the next step on', async (_, make) => {
    const weight = tf.variable(tf.ones([3]));
    const optimizer = make();
    const step = await compile((x) => tf.mul(x as tf.Tensor, weight), 'meanSquaredError', optimizer, {
      engine: await engine(),
    });
    const [xs, ys] = [tf.ones([1, 3]), tf.zeros([1, 3])];
    const { loss: before } = await step.run(xs, ys);
    setLearningRate(optimizer, 0);
    const { loss: moved } = await step.run(xs, ys);
    const { loss: still } = await step.run(xs, ys);
    expect(moved).not.toBe(before);
    expect(still).toBe(moved);
    await step.dispose();
  });

  test('after writeBack, fit continues with the optimizer’s state', async () => {
    const whole = regressor();
    const halves = regressor();
    halves.setWeights(whole.getWeights());
    const [xs, ys] = [values(8, 5), values(8, 3)];
    const fit = (model: tf.LayersModel, epochs: number) =>
      model.fit(xs, ys, { epochs, batchSize: 8, shuffle: false, verbose: 0 });
    whole.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
    await fit(whole, 4);

    const optimizer = tf.train.adam(0.05);
    const step = await compile(halves, 'meanSquaredError', optimizer, { engine: await engine() });
    await step.run(xs, ys);
    await step.run(xs, ys);
    await step.writeBack();
    await step.dispose();
    expect(optimizer.iterations).toBe(2);
    halves.compile({ optimizer, loss: 'meanSquaredError' });
    await fit(halves, 2);
    expect(optimizer.iterations).toBe(4);
    const expected = whole.getWeights()[0]!.dataSync();
    halves
      .getWeights()[0]!
      .dataSync()
      .forEach((value, k) => {
        expect(value).toBeCloseTo(expected[k]!, 5);
      });
  });
});

describe('models', () => {
  test('a model of several inputs and outputs trains as by fit', async () => {
    const model = () => {
      const [a, b] = [tf.input({ shape: [5] }), tf.input({ shape: [2] })];
      const joined = layers.concatenate().apply([a, b]) as tf.SymbolicTensor;
      const hidden = layers.dense({ units: 5, activation: 'tanh' }).apply(joined) as tf.SymbolicTensor;
      const sum = layers.add().apply([hidden, a]) as tf.SymbolicTensor;
      const product = layers.multiply().apply([sum, a]) as tf.SymbolicTensor;
      const merged = [layers.maximum(), layers.minimum(), layers.average()].map(
        (layer) => layer.apply([product, hidden]) as tf.SymbolicTensor,
      );
      const dot = layers.dot({ axes: 1 }).apply([merged[0]!, merged[1]!]) as tf.SymbolicTensor;
      return tf.model({
        inputs: [a, b],
        outputs: [layers.dense({ units: 3 }).apply(merged[2]!) as tf.SymbolicTensor, dot],
      });
    };
    const { fitted, compiled } = await trainBoth({
      model,
      xs: [values(8, 5), values(8, 2)],
      ys: [values(8, 3), values(8, 1)],
      loss: ['meanSquaredError', 'meanAbsoluteError'],
    });
    expect(largestDifference(fitted, compiled)).toBeLessThan(1e-4);
  });

  test('the layers of @unroll/core train as by fit', async () => {
    const model = () =>
      tf.sequential({ layers: [new GRU({ units: 4, inputShape: [6, 3] }), new Linear({ units: 2 })] });
    const { fitted, compiled } = await trainBoth({ model, xs: values(8, 6, 3), ys: values(8, 2) });
    expect(largestDifference(fitted, compiled)).toBeLessThan(1e-4);
  });

  test('a function that attends trains as by minimize', async () => {
    const make = () => ['query', 'key', 'value'].map(() => tf.variable(tf.mul(values(4, 4), 0.5)));
    const attention =
      ([query, key, value]: tf.Variable[]): ModelFunction =>
      (x) => {
        const project = (weight: tf.Variable) =>
          tf.reshape(tf.matMul(tf.reshape(x as tf.Tensor, [-1, 4]), weight), [2, 5, 4]);
        const scores = tf.matMul(project(query!), project(key!), false, true); // [batch, time, time]
        return tf.matMul(tf.softmax(tf.mul(scores, 0.5)), project(value!));
      };
    const [xs, ys] = [values(2, 5, 4), values(2, 5, 4)];
    const [eager, traced] = [make(), make()];
    const step = await compile(attention(traced), 'meanSquaredError', tf.train.adam(0.05), { engine: await engine() });
    const optimizer = tf.train.adam(0.05);
    for (let k = 0; k < 5; k++) {
      const expected = optimizer.minimize(
        () => tf.mean(tf.squaredDifference(attention(eager)(xs, { training: true }) as tf.Tensor, ys)) as tf.Scalar,
        true,
        eager,
      )!;
      expect((await step.run(xs, ys)).loss).toBeCloseTo(expected.dataSync()[0]!, 5);
    }
    await step.writeBack();
    const expected = eager.flatMap((variable) => [...variable.dataSync()]);
    traced
      .flatMap((variable) => [...variable.dataSync()])
      .forEach((value, k) => {
        expect(value).toBeCloseTo(expected[k]!, 4);
      });
    await step.dispose();
  });

  test('labels may be integers, floats made of them, or both', async () => {
    const integers = tf.oneHot(tf.tensor1d(classes, 'int32'), 3);
    const step = await compile(classifier(), 'categoricalCrossentropy', tf.train.sgd(0), { engine: await engine() });
    const xs = values(8, 5);
    const { loss } = await step.run(xs, integers);
    expect(loss).toBeGreaterThan(0);
    expect((await step.run(xs, integers.toFloat())).loss).toBeCloseTo(loss, 6);
    await step.dispose();
  });

  test('weights stay as they are until writeBack, while predictions are of the trained ones', async () => {
    const model = regressor();
    const before = [...model.getWeights()[0]!.dataSync()];
    const step = await compile(model, 'meanSquaredError', tf.train.sgd(0.1), { engine: await engine() });
    const [xs, ys] = [values(8, 5), values(8, 3)];
    const untrained = ((await step.predict(xs)) as tf.Tensor).dataSync();
    const expected = (model.predict(xs) as tf.Tensor).dataSync();
    untrained.forEach((value, k) => {
      expect(value).toBeCloseTo(expected[k]!, 5);
    });
    await step.run(xs, ys);
    expect([...model.getWeights()[0]!.dataSync()]).toEqual(before);
    const trained = (await step.predict(xs)) as tf.Tensor;
    expect(trained.shape).toEqual([8, 3]);
    expect(trained.dataSync()).not.toEqual(untrained);
    await step.writeBack();
    await step.dispose();
    const predicted = (model.predict(xs) as tf.Tensor).dataSync();
    trained.dataSync().forEach((value, k) => {
      expect(value).toBeCloseTo(predicted[k]!, 5);
    });
  });
});

describe('a model is refused in one line', () => {
  const refusal = async (
    model: tf.LayersModel | ModelFunction,
    loss: Loss = 'meanSquaredError',
    xs: tf.Tensor | tf.Tensor[] = values(2, 3),
    ys: tf.Tensor | tf.Tensor[] = values(2, 3),
  ) => {
    const step = await compile(model, loss, tf.train.sgd(0.1), { engine: await engine() });
    return step.run(xs, ys);
  };
  const weight = tf.variable(tf.ones([3]));

  test.each<[string, () => Promise<unknown>, string]>([
    [
      'because it calls a kernel without an ONNX counterpart, which is named',
      () => refusal((x) => tf.mul(tf.unique(x as tf.Tensor).values, weight)),
      "cannot trace the TensorFlow.js kernel 'Unique'",
    ],
    [
      'because it reads a value in JavaScript',
      () => refusal((x) => tf.mul(x as tf.Tensor, (x as tf.Tensor).dataSync()[0]!)),
      'reads the value of a tensor that is known only when the graph runs',
    ],
    [
      'because its loss has no such name',
      () => refusal(regressor(), 'meanSquare', values(2, 5)),
      'Unknown loss meanSquare',
    ],
    [
      'because it has another number of losses than of outputs',
      () => refusal(regressor(), ['hinge', 'hinge'], values(2, 5)),
      '2 losses were given for 1 outputs',
    ],
    [
      'because it is stateful',
      () => refusal(tf.sequential({ layers: [layers.lstm({ units: 3, stateful: true, batchInputShape: [2, 4, 3] })] })),
      'stateful layers',
    ],
    [
      'because labels would be broadcast to the predictions',
      () => refusal(regressor(), 'meanSquaredError', values(2, 5), values(2)),
      "meanSquaredError: labels of the shape [2] do not fit the model's output [2, 3]; give [2, 3]",
    ],
    [
      'because labels are numbers of classes',
      () => refusal(classifier(), 'categoricalCrossentropy', values(2, 5), values(2, 1)),
      'or sparseCategoricalCrossentropy if they are numbers of classes',
    ],
    [
      'because it gets more inputs than it has',
      () => refusal(regressor(), 'meanSquaredError', [values(2, 5), values(2, 5)]),
      'has 1 inputs, and 2 tensors were given',
    ],
    [
      'because it gets labels for outputs that it lacks',
      () => refusal(regressor(), 'meanSquaredError', values(2, 5), [values(2, 3), values(2, 3)]),
      '2 tensors of labels were given for 1 outputs',
    ],
    [
      'because it is an async function',
      () => refusal((async (x: tf.Tensor) => tf.mul(x, weight)) as never),
      'the model is an async function; give one that returns its tensors at once',
    ],
    [
      'because the optimizer is left out',
      () => compile(regressor(), 'adam' as never, undefined as never),
      'there is no optimizer; call compile(model, loss, optimizer)',
    ],
    [
      'because a call overlaps with another',
      async () => {
        const step = await compile(regressor(), 'meanSquaredError', tf.train.sgd(0.1));
        const first = step.run(values(2, 5), values(2, 3));
        try {
          return await step.run(values(2, 5), values(2, 3));
        } finally {
          await first;
          await step.dispose();
        }
      },
      'run was called while run runs; await each call first',
    ],
    [
      'because it is disposed',
      async () => {
        const step = await compile(regressor(), 'meanSquaredError', tf.train.sgd(0.1));
        await step.dispose();
        return step.run(values(2, 5), values(2, 3));
      },
      'run was called after dispose; compile the model again',
    ],
    ['because it is not built', () => refusal(tf.sequential({ layers: [] })), 'is not built'],
  ])('%s', async (_, run, message) => {
    const error = await run().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UnrollError);
    expect((error as UnrollError).message).toContain(message);
    expect((error as UnrollError).message).not.toContain('\n');
  });
});
