/** For tests that need a trained model: a bundle of a small model that is trained here in seconds. */
import {
  defaultOptimizer,
  encodeOnnx,
  initialParameters,
  languageModelConfig,
  languageModelStepGraph,
  parameterShapes,
  personalizationGraphs,
  slotShapes,
  stateShapes,
  trace,
  trainingProgram,
} from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';
import { trainTokenizer } from '@unroll/core/text';
import * as ort from 'onnxruntime-node';
import { buildBundle } from '../bundle/build-bundle.js';
import { readWindow } from '../personalization/lanes.js';
import type { Quantization } from '../quantization/plan.js';

const shape = { batch: 16, time: 16 };
const recipe = { optimizer: defaultOptimizer('adam'), clipNorm: 1 };

/** Trains a model of words for `steps` steps on `text`; its bundle can be personalized. */
export async function trainedBundle(
  text: string,
  { steps = 400, quantization = 'int8' }: { steps?: number; quantization?: Quantization } = {},
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const tokenizer = trainTokenizer('word', text, { vocabSize: 1000 });
  const config = languageModelConfig({ vocabSize: tokenizer.vocabSize, embeddingDim: 64, hiddenDim: 64 });
  return buildBundle({
    graph: languageModelStepGraph(config, await trainedParameters(config, tokenizer.encode(text), steps)),
    tokenizerJson: tokenizer.toJSON(),
    config: { ...config },
    quantization,
    personalization: personalizationGraphs(config),
  });
}

async function trainedParameters(config: ReturnType<typeof languageModelConfig>, ids: number[], steps: number) {
  const { run, inputs } = trainingProgram(config, shape, recipe);
  const session = await ort.InferenceSession.create(encodeOnnx(trace(run, inputs)), { intraOpNumThreads: 1 });
  const shapes = parameterShapes(config);
  const zeros = { ...slotShapes(recipe.optimizer, shapes), ...stateShapes(config, shape.batch) };
  const residents: Record<string, ort.Tensor> = {};
  for (const [name, values] of Object.entries(initialParameters(config, { seed: 1 }))) {
    residents[name] = new ort.Tensor('float32', values, shapes[name]!);
  }
  for (const [name, of] of Object.entries(zeros)) {
    residents[name] = new ort.Tensor('float32', new Float32Array(elementCount(of)), of);
  }
  const rows = shape.batch * shape.time;
  const [firstHalf, secondHalf] = [ids.slice(0, ids.length / 2), ids.slice(ids.length / 2)];
  for (let step = 1; step <= steps; step++) {
    const window = readWindow(firstHalf, secondHalf, shape, step - 1);
    const feeds = {
      ...residents,
      ids: new ort.Tensor('int32', window.ids, [shape.time, shape.batch]),
      targets: new ort.Tensor('int32', window.targets, [rows]),
      lossWeights: new ort.Tensor('float32', new Float32Array(rows).fill(1 / rows), [rows]),
      learningRate: new ort.Tensor('float32', Float32Array.of(0.01 * (1 - step / (steps + 1))), []),
      step: new ort.Tensor('float32', Float32Array.of(step), []),
    };
    const outputs = await session.run(feeds);
    for (const name of Object.keys(residents)) residents[name] = outputs[`next.${name}`]!;
  }
  await session.release();
  return Object.fromEntries(Object.keys(shapes).map((name) => [name, residents[name]!.data as Float32Array]));
}
