import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { elmoFeatures } from '../decoding/elmo.js';
import { encodeOnnx } from '../onnx/file.js';
import { defaultOptimizer } from '../optimizers/optimizer-config.js';
import { elementCount } from '../tensors/shapes.js';
import { backends } from '../testing/backends.js';
import { makeGolden, torchMissing } from '../testing/golden.js';
import { elmoParametersFromTorch, readElmoCases } from '../testing/golden-elmo.js';
import { checkOnnx, onnxCheckerMissing } from '../testing/onnx-checker.js';
import { runGraph } from '../testing/onnx-runtime.js';
import { expectClose } from '../testing/textbook.js';
import { elmoCharacters } from '../text/elmo-characters.js';
import { trace } from '../tracing/trace.js';
import { slotShapes } from './clipped-update.js';
import { type ElmoSentences, elmoFeaturesProgram, elmoLayers, elmoLoss, extractElmoFeatures } from './elmo.js';
import {
  elmoConfig,
  elmoMixShapes,
  elmoParameterShapes,
  elmoStateShapes,
  initialElmoParameters,
} from './elmo-config.js';
import { elmoStepProgram, elmoWordsProgram } from './elmo-steps.js';
import { graphOfProgram } from './graph-of-program.js';
import { lossTrainingProgram } from './loss-program.js';

const cases = readElmoCases();

/** Keeps one of two biases that became one here: the gradient is that of one of them, not their sum. */
const withoutRecurrentBiases = (gradients: (typeof cases)[number]['gradients']) =>
  Object.fromEntries(
    Object.entries(gradients).map(([name, { shape, values }]) => [
      name,
      { shape, values: name.includes('bias_hh') ? values.map(() => 0) : values },
    ]),
  );

describe.each(Object.entries(backends))('ELMo on %s', (_, evaluate) => {
  test.each(cases.map((golden) => [JSON.stringify(golden.config.convolutions), golden] as const))(
    'with the convolutions %s has PyTorch’s features and loss, and their gradients by every parameter',
    async (_, golden) => {
      const { config, lengths } = golden;
      const [batch = 0, time = 0] = golden.words.shape;
      const parameters = elmoParametersFromTorch(config, golden.parameters);
      const { outputs, gradients } = await evaluate({
        fn: (inputs) => [
          extractElmoFeatures(config, inputs, inputs as typeof inputs & ElmoSentences),
          elmoLoss(config, { batch, time }).loss(inputs, inputs),
        ],
        inputs: {
          ...parameters,
          characters: { ...golden.characters, dtype: 'int32' },
          words: { ...golden.words, dtype: 'int32' },
          lengths: { shape: [batch], values: lengths, dtype: 'int32' },
        },
        parameters: Object.keys(parameters),
        weights: [golden.weights.values, [1]],
      });
      expectClose(outputs[0]!, golden.features.values, 1e-5);
      expectClose(outputs[1]!, [golden.loss], 1e-5);
      const expected = elmoParametersFromTorch(config, withoutRecurrentBiases(golden.gradients));
      for (const [name, { values }] of Object.entries(expected)) expectClose(gradients[name]!, values, 1e-4);
    },
  );
});

const config = elmoConfig({
  ...{ vocabSize: 9, maxCharacters: 8, characterDim: 4, highwayLayers: 1, hiddenDim: 16, projectionDim: 8 },
  convolutions: [
    { width: 1, features: 4 },
    { width: 3, features: 8 },
  ],
});
const shapes = elmoParameterShapes(config);
const sentences = ['the cat sleeps', 'a dog barks', 'the dog sleeps', 'a cat purrs'].map((text) => text.split(' '));
const vocabulary = ['<s>', '</s>', 'the', 'a', 'cat', 'dog', 'sleeps', 'barks', 'purrs'];

describe('the language model', () => {
  test('learns by its traced step to predict whatever is predictable', async () => {
    const shape = { batch: 4, time: 5 };
    const optimizer = defaultOptimizer('adam');
    const { run, inputs } = lossTrainingProgram(elmoLoss(config, shape), { optimizer, clipNorm: 1 });
    const graph = trace(run, inputs);
    const session = await InferenceSession.create(encodeOnnx(graph), { logSeverityLevel: 3, intraOpNumThreads: 1 });
    const { characters, lengths } = elmoCharacters(sentences, { time: 5, maxCharacters: 8 });
    const words = sentences.flatMap((words) => ['<s>', ...words, '</s>'].map((word) => vocabulary.indexOf(word)));
    const fixed = {
      characters: new Tensor('int32', characters, [4, 5, 8]),
      lengths: new Tensor('int32', lengths, [4]),
      words: new Tensor('int32', Int32Array.from(words), [4, 5]),
      learningRate: new Tensor('float32', [0.02], []),
    };
    const initial = initialElmoParameters(config, 1);
    const values = Object.entries({ ...shapes, ...slotShapes(optimizer, shapes) }).map(([name, shape]) => [
      name,
      new Tensor('float32', initial[name] ?? new Float32Array(elementCount(shape)), [...shape]),
    ]);
    let resident: Record<string, Tensor> = Object.fromEntries(values);
    const losses: number[] = [];
    for (let step = 1; step <= 60; step++) {
      const outputs = await session.run({ ...fixed, ...resident, step: new Tensor('float32', [step], []) });
      const next = Object.entries(outputs).filter(([name]) => name.startsWith('next.'));
      resident = {
        ...resident,
        ...Object.fromEntries(next.map(([name, tensor]) => [name.slice(5), tensor as Tensor])),
      };
      losses.push((outputs.loss as Tensor).data[0] as number);
    }
    await session.release();
    expect(losses[0]).toBeGreaterThan(0.9 * Math.log(9));
    // Three of the eight predictions of a sentence choose between two equally likely words: at least 3/8·ln 2.
    expect(losses.at(-1)).toBeLessThan(0.6);
  });

  test('refuses sentences without anything to predict, and a model without an output layer', () => {
    expect(() => elmoLoss({ ...config, vocabSize: undefined }, { batch: 1, time: 2 })).toThrow('has no vocabSize');
    expect(() => elmoLoss(config, { batch: 1, time: 1 })).toThrow('time must be at least 2, got 1');
  });
});

describe('feature extraction', () => {
  const parameters = initialElmoParameters(config, 1);
  const graph = graphOfProgram(
    elmoFeaturesProgram(config, { batch: 2, time: 6 }),
    { ...shapes, ...elmoMixShapes },
    parameters,
  );
  const features = async (texts: readonly string[], filler?: number) => {
    const spelled = elmoCharacters(
      texts.map((text) => text.split(' ')),
      { time: 6, maxCharacters: 8 },
    );
    const { characters, lengths } = spelled;
    if (filler !== undefined) {
      for (const [lane, length] of lengths.entries()) characters.fill(filler, (lane * 6 + length) * 8, (lane + 1) * 48);
    }
    const outputs = await runGraph(graph, {
      characters: { shape: [2, 6, 8], values: [...characters], dtype: 'int32' },
      lengths: { shape: [2], values: [...lengths], dtype: 'int32' },
    });
    return Array.from({ length: 12 }, (_, k) => outputs.features!.slice(k * 16, (k + 1) * 16));
  };

  test('is an ONNX graph of the ids alone, with the parameters in it', () => {
    expect(graph.inputs.map(({ name }) => name)).toEqual(['characters', 'lengths']);
    expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([['features', [2, 6, 16]]]);
  });

  test.skipIf(onnxCheckerMissing)('passes ONNX’s own checker', () => {
    checkOnnx({ ELMo: encodeOnnx(graph) });
  });

  test('gives a word other features in another sentence, on either side of it', async () => {
    const [one, other] = [await features(['the cat sleeps', 'a cat']), await features(['the cat purrs', 'the cat'])];
    expect(one[2]).not.toEqual(other[2]); // the words after it differ
    expect(one[8]).not.toEqual(other[8]); // the words before it differ
  });

  test('does not depend on the padding of a shorter sentence, and is zero there', async () => {
    const [one, other] = [await features(['the cat sleeps', 'a']), await features(['the cat sleeps', 'a'], 97)];
    expectClose(other.flat(), one.flat(), 1e-7);
    const empty = one.flatMap((values, position) => (values.every((value) => value === 0) ? [position] : []));
    expect(empty).toEqual([5, 9, 10, 11]); // after sentences of five and three words, including their marks
  });

  test('names a tensor that is missing or has another shape', async () => {
    await tf.setBackend('cpu');
    const tensors = Object.fromEntries(
      Object.entries({ ...shapes, ...elmoMixShapes }).map(([name, shape]) => [name, tf.zeros([...shape])]),
    );
    const lengths = tf.tensor1d([3], 'int32');
    const characters = tf.zeros([1, 3, 8], 'int32');
    const { 'mix.gamma': _, ...withoutGamma } = tensors;
    expect(() => extractElmoFeatures(config, withoutGamma, { characters, lengths })).toThrow(
      "extractElmoFeatures: 'mix.gamma' [] is missing",
    );
    expect(() => extractElmoFeatures(config, tensors, { characters: tf.zeros([1, 3, 7], 'int32'), lengths })).toThrow(
      "'characters' is [1,3,7], the configuration says [1,3,8]",
    );
  });
});

test('word by word, any sentence has the layers that it has in a batch, from the same states', async () => {
  const clipped = { ...config, vocabSize: undefined, cellClip: 0.2, projectionClip: 0.05 };
  const shapes = elmoParameterShapes(clipped);
  const parameters = initialElmoParameters(clipped, 2);
  const graphs = [elmoWordsProgram(clipped, 3), elmoStepProgram(clipped, 2)].map((program) => {
    const graph = graphOfProgram(program, shapes, parameters);
    return (inputs: Readonly<Record<string, Float32Array | Int32Array>>) =>
      runGraph(
        graph,
        Object.fromEntries(
          graph.inputs.map(({ name, shape, dtype }) => [
            name,
            { shape: shape.map(Number), values: [...inputs[name]!], dtype: dtype as 'int32' | 'float32' },
          ]),
        ),
      ).then((outputs) =>
        Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, Float32Array.from(values)])),
      );
  });
  const [first, second] = [
    ['the', 'cat', 'sleeps'],
    ['a', 'dog'],
  ];
  const zeroState = Object.fromEntries(
    Object.entries(elmoStateShapes(clipped, 2)).map(([name, shape]) => [
      name,
      new Float32Array(elementCount(shape)).fill(0.1),
    ]),
  );
  const { maxCharacters, projectionDim } = clipped;
  const sizes = { maxCharacters, projectionDim, wordsPerRun: 3, lanes: 2, lstmLayers: 2 };
  const { features } = await elmoFeatures({ ...sizes, words: graphs[0]!, step: graphs[1]!, zeroState }, [
    first,
    second,
  ]);

  await tf.setBackend('cpu');
  const spelled = elmoCharacters([first, second], { time: 5, maxCharacters });
  const { layers } = elmoLayers(
    clipped,
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, tf.tensor(parameters[name]!, [...shape])])),
    {
      characters: tf.tensor(spelled.characters, [2, 5, maxCharacters], 'int32'),
      lengths: tf.tensor1d(spelled.lengths, 'int32'),
      state: Object.fromEntries(
        Object.entries(elmoStateShapes(clipped, 2)).map(([name, shape]) => [name, tf.fill([...shape], 0.1)]),
      ),
    },
  );
  for (const [lane, words] of [first, second].entries()) {
    const expected = layers.flatMap((layer) =>
      layer
        .arraySync()
        [lane]!.slice(1, 1 + words.length)
        .flat(),
    );
    expectClose([...features[lane]!], expected, 1e-6);
  }
});

test('a configuration defaults to the published model: 93.6 million parameters without the output', () => {
  const { 'output.kernel': _kernel, 'output.bias': _bias, ...read } = elmoParameterShapes(elmoConfig({ vocabSize: 2 }));
  const count = Object.values(read).reduce((sum, shape) => sum + elementCount(shape), 0);
  expect((count / 1e6).toFixed(1)).toBe('93.6');
});

test.each([
  [{ hiddenDim: 0 }, 'hiddenDim must be a positive integer, got 0'],
  [{ highwayLayers: -1 }, 'highwayLayers must be 0 or a positive integer, got -1'],
  [{ convolutions: [] }, 'convolutions must have at least one'],
  [{ convolutions: [{ width: 51, features: 1 }] }, "a convolution's width must be from 1 to maxCharacters 50, got 51"],
  [{ convolutions: [{ width: 1, features: 0 }] }, "a convolution's features must be a positive integer, got 0"],
])('the configuration %j is refused', (options, message) => {
  expect(() => elmoConfig({ vocabSize: 2, ...options })).toThrow(message);
});

describe('characters', () => {
  const size = { time: 4, maxCharacters: 5 };

  test('are the bytes of UTF-8 between marks, cut or padded, and each sentence stands between marks of its own', () => {
    const { characters, lengths } = elmoCharacters([['né', 'house'], []], size);
    expect([...lengths]).toEqual([4, 2]);
    expect(Array.from({ length: 8 }, (_, k) => [...characters.slice(k * 5, (k + 1) * 5)])).toEqual([
      [258, 256, 259, 260, 260],
      [258, 110, 195, 169, 259],
      [258, 104, 111, 117, 259],
      [258, 257, 259, 260, 260],
      [258, 256, 259, 260, 260],
      [258, 257, 259, 260, 260],
      [260, 260, 260, 260, 260],
      [260, 260, 260, 260, 260],
    ]);
  });

  test('of a sentence that does not fit are refused', () => {
    expect(() => elmoCharacters([['a', 'b', 'c']], size)).toThrow(
      'a sentence of 3 words and its two marks do not fit into 4: "a b c"',
    );
    expect(() => elmoCharacters([], { time: 4, maxCharacters: 2 })).toThrow('maxCharacters must be at least 3, got 2');
  });
});

test.skipIf(torchMissing)(
  `PyTorch makes ELMo’s golden vectors again (${torchMissing ?? 'it is here'})`,
  ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'unroll-golden-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    makeGolden(folder, 'make_elmo.py');
    for (const [k, made] of readElmoCases(folder).entries()) {
      expect(made.characters).toEqual(cases[k]!.characters);
      expectClose(made.features.values, cases[k]!.features.values, 2e-6);
      for (const [name, { values }] of Object.entries(made.gradients)) {
        expectClose(values, cases[k]!.gradients[name]!.values, 2e-6);
      }
    }
  },
);
