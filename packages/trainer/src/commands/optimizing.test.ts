// The optimization of a training: schedules and averages that depend on the validation text, and batches in parts.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { averagingStart } from '@unroll/core/config';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readResumableCheckpoint } from '../checkpoint/checkpoint.js';
import { smallModel, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
/** Its validation text is written backwards: the better the model, the worse its score there. */
const contrary = join(root.path, 'contrary');
const at = (name: string) => join(root.path, name);
const train = (out: string, ...flags: string[]) =>
  unrollJson(
    'train',
    '--out',
    at(out),
    ...smallModel,
    ...(flags.includes('--data') ? [] : ['--data', corpus]),
    ...flags,
  );

beforeAll(() => {
  writeSmallCorpus(corpus);
  mkdirSync(contrary);
  const forwards = 'one two three four five six seven eight\n'.repeat(180);
  const backwards = 'eight seven six five four three two one\n'.repeat(20);
  for (const [name, text] of Object.entries({ train: forwards, valid: backwards, test: backwards })) {
    writeFileSync(join(contrary, `${name}.txt`), text);
  }
});
afterAll(() => root[Symbol.dispose]());

const restless = ['--data', contrary, '--learning-rate', '8', '--epochs', '9'];
const awd = [
  ...['--dropout', '0.3', '--variational-dropout', '--embedding-dropout', '0.1', '--weight-dropout', '0.3'],
  ...['--label-smoothing', '0.1'],
];
const recipes: [string, string[]][] = [
  ['averaged SGD', ['--optimizer', 'nt-asgd', ...restless]],
  ['a plateau', ['--optimizer', 'sgd', '--schedule', 'plateau', ...restless]],
  ['a cosine after a warm-up', ['--schedule', 'cosine', '--warmup-steps', '30', '--epochs', '3']],
  ['Adagrad on parts of batches', ['--optimizer', 'adagrad', '--accumulate', '2', '--epochs', '3']],
  ['the dropouts of AWD-LSTM', [...awd, '--epochs', '3']],
  ['averaged SGD on parts of batches', ['--optimizer', 'nt-asgd', '--accumulate', '4', ...restless]],
];

test.each(recipes)('a training with %s that stops within an epoch goes on to the same bits', async (name, flags) => {
  const [through, stopped] = [`${name} through`, `${name} stopped`];
  await train(through, ...flags);
  await train(stopped, ...flags, '--max-steps', '47');
  await train(stopped, ...flags, '--resume');
  const [whole, resumed] = [await readResumableCheckpoint(at(through)), await readResumableCheckpoint(at(stopped))];
  expect(resumed.parameters).toEqual(whole.parameters);
  expect(resumed.slots).toEqual(whole.slots);
  expect(resumed.state.validation).toEqual(whole.state.validation);
});

test('the runs above did average, and did fall on a plateau', async () => {
  const averaged = await readResumableCheckpoint(at('averaged SGD through'));
  expect(averagingStart(averaged.state.validation, 5, averaged.state.step / 9)).toBeLessThan(averaged.state.step);
  const offsets = Object.values(averaged.slots).flatMap((values) => [...values]);
  expect(Math.max(...offsets.map(Math.abs))).toBeGreaterThan(1e-5); // before averaging, zero except for rounding
  const { validation } = (await readResumableCheckpoint(at('a plateau through'))).state;
  expect(validation.some((perplexity, k) => k > 0 && perplexity >= validation[k - 1]!)).toBe(true);
});

test.each([
  ['a batch in two parts', ['--accumulate', '2']],
  ['activations kept of three steps', ['--recompute-every', '3']],
])('%s, dropout included, make the step that is made as a whole, to 1e-5', async (name, given) => {
  const flags = ['--max-steps', '20', '--optimizer', 'sgd', '--learning-rate', '1', ...awd];
  await train(`${name} not`, ...flags);
  await train(name, ...flags, ...given);
  const [whole, other] = [await readResumableCheckpoint(at(`${name} not`)), await readResumableCheckpoint(at(name))];
  expect(Object.keys(other.parameters)).toEqual(Object.keys(whole.parameters));
  for (const [parameter, values] of Object.entries(whole.parameters)) {
    values.forEach((value, k) => {
      expect(Math.abs(value - other.parameters[parameter]![k]!)).toBeLessThan(1e-5);
    });
  }
});
