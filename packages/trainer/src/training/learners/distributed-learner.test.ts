// Learners of two workers and two servers in this process, over real sockets: overlap changes no bit.
import { initialParameters, languageModelConfig } from '@unroll/core';
import { trainableLanguageModel } from '@unroll/core/internal';
import { connectParameterServers, WorkerMeter } from '@unroll/param-server/client';
import { startParameterServer } from '@unroll/param-server/server';
import { expect, test } from 'vitest';
import { updateOptimizer } from '../../configuration/modes.js';
import { LaneBatches } from '../../data/batches.js';
import { onnxRuntimeEngine } from '../../engines/onnxruntime.js';
import { LanguageModelBatches } from '../language-model/language-model-batches.js';
import { presets } from '../language-model/presets.js';
import { DistributedLearner } from './distributed-learner.js';
import { laneWidth } from './lane-states.js';

const [workers, shards, vocabSize, steps, version] = [2, 2, 40, 9, '1.2.3'] as const;
const training = { ...presets.tiny, batchSize: 4, sequenceLength: 5 };
const config = languageModelConfig({
  ...{ vocabSize, embeddingDim: 8, hiddenDim: 8, layers: 2 },
  ...{ cell: 'lstm', dropout: 0.2 },
});
const model = trainableLanguageModel(config);
/** An epoch of five steps, the last of which is shorter. */
const text = Int32Array.from({ length: 4 * 22 + 1 }, (_, k) => (k * k) % vocabSize);
const engine = onnxRuntimeEngine({ provider: 'cpu', threads: 1 });

interface Process {
  readonly servers: readonly string[];
  readonly worker: number;
  readonly overlaps: boolean;
}

async function join({ servers, worker, overlaps }: Process) {
  const meter = new WorkerMeter();
  const client = connectParameterServers({
    ...{ serverAddresses: servers, worker, workers, version, meter, run: 'overlap' },
    parameters: Object.entries(model.parameters).map(([name, shape]) => ({ name, shape })),
    optimizer: updateOptimizer(training),
    clipNorm: training.clipNorm,
    lanes: { count: training.batchSize, width: laneWidth(model) },
    start: { values: async () => ({ parameters: initialParameters(config, { seed: 1 }) }) },
  });
  const { batchSize: lanes, sequenceLength: window } = training;
  const batchesOf = (slice: { from: number; to: number }) =>
    new LanguageModelBatches({
      ...{ model: config, training, lanes: slice },
      text: new LaneBatches(text, { lanes, window, slice }),
    });
  const learner = await DistributedLearner.create({ engine, model, training, batchesOf, overlaps }, client, meter);
  return { learner, client };
}

/**
 * Trains, and returns what worker 0 would write.
 * @param overlaps whether each worker overlaps transfers with computation
 * @param restartAt the step before which worker 1 is restarted
 */
async function train(overlaps: readonly boolean[], restartAt?: number) {
  const running = await Promise.all(
    Array.from({ length: shards }, (_, shard) => startParameterServer({ port: 0, shard, shards, workers, version })),
  );
  const servers = running.map(({ port }) => `127.0.0.1:${port}`);
  const work = async (worker: number) => {
    const process = { servers, worker, overlaps: overlaps[worker]! };
    let { learner, client } = await join(process);
    const before: Awaited<ReturnType<typeof join>>[] = [];
    while (learner.nextStep < steps) {
      if (worker === 1 && learner.nextStep === restartAt && before.length === 0) {
        before.push({ learner, client });
        ({ learner, client } = await join(process));
      }
      await learner.step([{ learningRate: 0.1 }]);
    }
    expect(await learner.meet()).toBe(true);
    const state = await learner.state();
    const evaluated = await learner.parameters.read('output.kernel');
    expect(evaluated).toEqual(state!.parameters['output.kernel']);
    const { epoch } = learner;
    await learner.finish(false);
    for (const one of [...before, { learner, client }]) {
      await one.client.close();
      await one.learner.dispose();
    }
    return { state: structuredClone(state), epoch };
  };
  const [first, second] = await Promise.all([work(0), work(1)]);
  for (const server of running) await server.done;
  return { state: first!.state, epochs: [first!.epoch, second!.epoch] };
}

const oneByOne = train([false, false]);

test('workers that compute while they send and receive end with the bits of those that do not', async () => {
  expect(await train([true, true])).toEqual(await oneByOne);
});

test('a worker that does may train with one that does not', async () => {
  expect(await train([true, false])).toEqual(await oneByOne);
});

test('a worker that is restarted while parameters are on their way to it reaches the same bits', async () => {
  expect((await train([true, true], 3)).state).toEqual((await oneByOne).state);
});
