// Training in code: language models, applications and modules, alone and by processes, beside the command.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { type RunEvent, type Training, type TrainOptions, train, UnrollError } from '../index.js';
import { readTaskCheckpoint } from '../tasks/task-checkpoint.js';
import { unrollHere } from '../testing/unroll-here.js';
import { smallModel, temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
const corpus = at('corpus');
const small = {
  data: corpus,
  model: { embeddingDim: 8, hiddenDim: 16 },
  ...{ batchSize: 8, sequenceLength: 10, maxSteps: 4 },
};

beforeAll(() => writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

async function trained(training: Training, out: string, options: Partial<TrainOptions> = {}): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of train(training, { out: at(out), threads: 1, ...options })) events.push(event);
  return events;
}

const kinds = (events: readonly RunEvent[]) => events.map(({ type }) => type).filter((type) => type !== 'evaluation');

describe('a language model', () => {
  test('has the parameters that the command gives it, bit for bit', async () => {
    const events = await trained(small, 'alone');
    expect(kinds(events)).toEqual(['start', 'step', 'step', 'step', 'step', 'validation', 'epoch', 'checkpoint']);
    expect(events[0]).toMatchObject({ unit: 'tokens', metric: 'perplexity', totalSteps: 4 });
    const flags = ['--data', corpus, '--out', at('by-command'), ...smallModel, '--max-steps', '4'];
    expect(await unrollHere('train', ...flags)).toMatchObject({ status: 0 });
    expect((await readCheckpoint(at('alone'))).parameters).toEqual((await readCheckpoint(at('by-command'))).parameters);
  });

  test('trained by processes yields the events of one, and resumes', async () => {
    const events = await trained(small, 'together', { workers: 2, servers: 1 });
    expect(kinds(events)).toEqual(['start', 'step', 'step', 'step', 'step', 'validation', 'epoch', 'checkpoint']);
    const [alone, together] = [await readCheckpoint(at('alone')), await readCheckpoint(at('together'))];
    for (const [name, values] of Object.entries(alone.parameters)) {
      for (const [k, value] of values.entries()) expect(together.parameters[name]![k]).toBeCloseTo(value, 5);
    }
    const more = await trained({ ...small, maxSteps: 6 }, 'together', { resume: true });
    expect(more[0]).toMatchObject({ firstStep: 4, totalSteps: 6 });
  });

  test('ends its processes when the signal aborts, and when the loop is left', async () => {
    const endless = { ...small, maxSteps: undefined, epochs: 100_000 };
    const stop = new AbortController();
    for await (const { type } of train(endless, { out: at('stopped'), servers: 1, signal: stop.signal })) {
      if (type === 'step') stop.abort();
    }
    for await (const { type } of train(endless, { out: at('left'), servers: 1 })) {
      if (type === 'step') break;
    }
  });
});

test('an application trains by its name, and a module by its path', async () => {
  const forecast: Training = { task: 'forecast', data: 'sample', model: { hiddenDim: 8 }, maxSteps: 2 };
  expect((await trained(forecast, 'forecast'))[0]).toMatchObject({ task: 'forecast', unit: 'examples' });
  const module = fileURLToPath(new URL('../../../../examples/train-on-a-cluster/waves.mjs', import.meta.url));
  const pages: Promise<string>[] = [];
  const events = await trained({ module, epochs: 1, optimizer: 'adam' }, 'waves', {
    ...{ servers: 1, tensorboard: true, dashboard: '0', lease: 5 },
    onNotice: (line) => {
      const [, url] = /^dashboard: (.*)$/.exec(line) ?? [];
      if (url) pages.push(fetch(url).then((page) => page.text()));
    },
  });
  expect(await Promise.all(pages)).toEqual([expect.stringContaining('<title>')]);
  expect(readdirSync(at('waves.tensorboard'))).toContainEqual(expect.stringContaining('tfevents'));
  expect(events[0]).toMatchObject({ task: 'waves', epochs: 1 });
  expect((await readTaskCheckpoint(at('forecast'))).task.name).toBe('forecast');
});

describe('an error is one line that names the option:', () => {
  const examples = { xs: tf.ones([4, 2]), ys: tf.ones([4, 1]) };
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
  const own = { model, loss: 'meanSquaredError', train: examples } as const;
  test.each<[string, object, object, string]>([
    ['no data', {}, {}, 'data: is missing'],
    ['a size', { ...small, model: { hiddenDim: -1 } }, {}, 'model.hiddenDim: '],
    ['a setting that is mistyped', { ...small, batchsize: 4 }, {}, 'batchsize: is not a known setting'],
    ['two sizes that differ', { ...small, model: { tieWeights: true, embeddingDim: 4 } }, {}, 'model.hiddenDim'],
    ['a preset', { ...small, preset: 'huge' }, {}, 'preset: "huge" is no preset; give tiny'],
    ['an optimizer', { ...small, optimizer: 'sdg' }, {}, "optimizer: 'sdg' is no update rule; choose sgd"],
    ['an application', { task: 'speach', data: 'sample' }, {}, 'task: "speach" is no application'],
    ['a size of an application', { task: 'sentiment', data: 'sample', model: { context: 3 } }, {}, 'context: '],
    ['a setting of an application', { task: 'sentiment', data: 'sample', epochs: 'two' }, {}, 'epochs: '],
    ['a setting of a model in memory', { ...own, batchsize: 2 }, {}, 'batchsize: is not a known setting'],
    ['an option that is mistyped', own, { worker: 2 }, 'train.worker: is not a known setting'],
    ['a model in memory for processes', own, { workers: 2 }, "give { module: './my-training.mjs' }"],
    ['a mode for one process', { ...small, mode: { name: 'async' } }, {}, 'mode: async is for workers and parameter'],
    [
      'more backups than workers',
      small,
      { workers: 2, backupWorkers: 2 },
      'backupWorkers: 2 is not below the 2 workers',
    ],
    [
      'workers that the mode cannot spare',
      { ...small, mode: { name: 'async' } },
      { workers: 2, minWorkers: 1 },
      'minWorkers: in mode async no worker can be spared',
    ],
    ['a page that others could read', small, { dashboard: '0.0.0.0:7070' }, 'say insecurePublic'],
    ['a batch that cannot be shared', small, { workers: 3 }, 'batchSize: 8 sequences cannot be shared evenly by 3'],
  ])('%s', async (_, training, options, message) => {
    const error = await trained(training as Training, 'wrong', options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnrollError);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toMatch(/\n|--|^:/);
  });
});
