import { expect, test } from 'vitest';
import { forecast } from '../tasks/forecast/task.js';
import { taskSettingsSchema, withDefaults } from '../tasks/settings.js';
import { heardBy } from '../terminal/listener.js';
import { formerFlags, givenSizes, presentOption, presentSizes } from './former-names.js';

function told<Result>(work: () => Result): readonly [Result, readonly string[]] {
  const lines: string[] = [];
  return [heardBy({ onNotice: (line) => lines.push(line) }, work), lines];
}

test('a size by its former name is taken, and a line names the new one', () => {
  expect(told(() => givenSizes({ hidden: 8, dropout: 0.1 }))).toEqual([
    { hiddenDim: 8, dropout: 0.1 },
    ['model.hidden: is now model.hiddenDim; give that name'],
  ]);
  expect(told(() => presentOption('embedding'))).toEqual([
    'embedding-dim',
    ['embedding: is now embedding-dim; give that name'],
  ]);
  expect(told(() => presentOption('dropout'))).toEqual(['dropout', []]);
  expect(formerFlags.get('--projection')).toBe('--projection-dim');
});

test('a checkpoint that has former names is read without a word', () => {
  expect(told(() => presentSizes({ embedding: 3, hiddenDim: 4 }))).toEqual([{ embeddingDim: 3, hiddenDim: 4 }, []]);
  const { model, ...settings } = withDefaults(forecast.defaults);
  const { hiddenDim, ...others } = model;
  const stored = { ...settings, model: { ...others, hidden: hiddenDim } };
  expect(taskSettingsSchema.parse(stored)).toEqual({ ...settings, model });
});
