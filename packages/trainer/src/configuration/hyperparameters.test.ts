import { expect, test } from 'vitest';
import { z } from 'zod';
import { heardBy } from '../terminal/listener.js';
import { allHyperparameters, flagOf } from './hyperparameters.js';
import { option, settingOption, sizeOption } from './option-names.js';

test.each(allHyperparameters)('the schema of %s accepts its default and its choices', (_, entry) => {
  const schema = entry.schema(z);
  const values = (entry.choices ?? []).map((choice) => entry.parse?.(choice) ?? choice);
  for (const value of 'default' in entry ? [entry.default, ...values] : values) {
    expect(schema.parse(value)).toEqual(value);
  }
  expect(schema.safeParse(-1).success).toBe(false);
});

test('a field is named by its flag, with the detail that is meant', () => {
  expect(flagOf('model.hiddenDim')).toBe('--hidden-dim');
  expect(flagOf('batchSize')).toBe('--batch-size');
  expect(flagOf('model.softmax.cutoffs')).toBe('--softmax: cutoffs');
  expect(flagOf('model.dropoutRate')).toBe('model.dropoutRate');
  expect(flagOf('lossNormalization')).toBe('lossNormalization');
});

test('messages name an option as the caller knows it: by its flag, or by its path in code', () => {
  const named = () => [option('hiddenDim'), option('batchSize'), option('changedData'), sizeOption('context')];
  expect(named()).toEqual(['--hidden-dim', '--batch-size', '--changed-data', '--context']);
  expect(heardBy({}, named)).toEqual(['model.hiddenDim', 'batchSize', 'changedData', 'model.context']);
  expect([settingOption('model.hiddenDim'), heardBy({}, () => settingOption('model.hiddenDim'))]).toEqual([
    '--hidden-dim',
    'model.hiddenDim',
  ]);
});
