// Times a training step of the minimal units beside the classics, by sequence length. The models have two layers, a
// small vocabulary, so that the recurrent layers dominate, and hidden sizes that give equal numbers of parameters. Also
// measures how fast such a model reads a text with ONNX Runtime: step by step with the decoding step, and in runs of
// 128 tokens by linear attention.
//   usage: run.mjs [--cells lstm,gru,mingru,minlstm] [--lengths 35,140,512] [--steps 8] [--threads 2]
import { parseArgs } from 'node:util';
import {
  encodeOnnx,
  initialParameters,
  languageModelConfig,
  languageModelStepGraph,
  parameterShapes,
  stateShapes,
} from '@unroll/core';
import { hasRecurrentWeights } from '@unroll/core/config';
import { languageModelReadingGraph } from '@unroll/core/internal';
import { selectEngine } from '@unroll/trainer';
import * as ort from 'onnxruntime-node';
import { median } from '../common.mjs';
import { compileStep } from '../training-step.mjs';

const { values: flags } = parseArgs({
  options: {
    cells: { type: 'string', default: 'lstm,gru,mingru,minlstm' },
    lengths: { type: 'string', default: '35,140,512' },
    steps: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
  },
});

const batch = 8;
const hiddenOf = { lstm: 256, gru: 295, mingru: 514, minlstm: 427 };
const model = (cell) =>
  languageModelConfig({ vocabSize: 1000, embeddingDim: 256, hiddenDim: hiddenOf[cell], cell, layers: 2 });

/** Returns the seconds of each of these steps; the first ones are for warming up. */
async function trainingSeconds(config, time) {
  const engine = await selectEngine('onnxruntime', Number(flags.threads));
  const { executable, inputs } = await compileStep(engine, { ...config, batch, time });
  const seconds = [];
  for (let k = -2; k < Number(flags.steps); k++) {
    const start = performance.now();
    await executable.run(inputs);
    if (k >= 0) seconds.push((performance.now() - start) / 1000);
  }
  await executable.dispose();
  return seconds;
}

/** Returns tokens per second for reading a text in runs of this length, on one thread. */
async function readingSpeed(graph, config, length) {
  const session = await ort.InferenceSession.create(encodeOnnx(graph), { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const state = Object.fromEntries(
    Object.entries(stateShapes(config, 1)).map(([name, [, width]]) => [
      name,
      new ort.Tensor('float32', new Float32Array(width), [1, width]),
    ]),
  );
  const ids = new ort.Tensor('int32', new Int32Array(length), [length]);
  const seconds = [];
  for (let k = 0; k < 40; k++) {
    const start = performance.now();
    await session.run({ ...state, ids });
    seconds.push((performance.now() - start) / 1000);
  }
  await session.release();
  return length / median(seconds);
}

for (const cell of flags.cells.split(',')) {
  const config = model(cell);
  const count = Object.values(parameterShapes(config)).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 0);
  for (const time of flags.lengths.split(',').map(Number)) {
    const seconds = median(await trainingSeconds(config, time));
    const milliseconds = Number((1000 * seconds).toFixed(1));
    console.log(
      JSON.stringify({
        cell,
        parameters: count,
        time,
        milliseconds,
        tokensPerSecond: Math.round((batch * time) / seconds),
      }),
    );
  }
  const parameters = initialParameters(config, { seed: 0 });
  const stepByStep = await readingSpeed(languageModelStepGraph(config, parameters), config, 1);
  const inRuns = hasRecurrentWeights(config)
    ? undefined
    : await readingSpeed(languageModelReadingGraph(config, parameters), config, 128);
  console.log(JSON.stringify({ cell, readingTokensPerSecond: { stepByStep, inRuns } }));
}
