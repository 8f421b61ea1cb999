// Models that adapt to a person, in Node: what they learn, what they keep, and how all of it is undone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadLocalLanguageModel } from '../loading/load-local.js';
import type { LocalLanguageModel } from '../runtime/local-language-model.js';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import { generalText, personalText } from '../testing/styles.js';
import { trainedBundle } from '../testing/trained-bundle.js';

describe('a personalized model', () => {
  let folder: Awaited<ReturnType<typeof folderOf>>;
  let model: LocalLanguageModel;
  beforeAll(async () => {
    folder = await folderOf(await trainedBundle(generalText(3000, 1)));
    model = await loadLocalLanguageModel(folder.path);
  });
  afterAll(async () => {
    await model.dispose();
    await folder[Symbol.asyncDispose]();
  });

  const perplexities = async () => ({
    general: (await model.score(generalText(300, 2))).perplexity,
    person: (await model.score(personalText(100, 4))).perplexity,
  });

  test.each(['adapters', 'full', 'output-bias'] as const)(
    'by %s finds new texts of a person likelier by a fifth at least, and general ones hardly less',
    async (method) => {
      const before = await perplexities();
      const result = await model.personalize([personalText(60, 3)], { method });
      const after = await perplexities();
      expect(after.person).toBeLessThan(0.8 * before.person);
      expect(after.general).toBeLessThan(1.03 * before.general);
      expect(result.general.after).toBeLessThanOrEqual(1.015 * result.general.before);
      expect(result.texts.after).toBeLessThan(0.8 * result.texts.before);
      expect(model.personalization).toEqual({ method });

      await model.undoPersonalization();
      expect(await perplexities()).toEqual(before);
      expect(model.personalization).toEqual({});
    },
  );

  test('is the same when the same texts are learned again', async () => {
    const learn = async () => {
      const result = await model.personalize([personalText(20, 3)], { steps: 10 });
      await model.undoPersonalization();
      return result;
    };
    expect(await learn()).toEqual(await learn());
  });

  test('continues learning from where it was', async () => {
    const first = await model.personalize([personalText(20, 3)], { steps: 20, method: 'full', learningRate: 1e-4 });
    const second = await model.personalize([personalText(20, 3)], { steps: 20, method: 'full', learningRate: 1e-4 });
    await model.undoPersonalization();
    expect(second.texts.after).toBeLessThan(first.texts.after);
  });

  test('reports every update, and stays as it was when it is aborted', async () => {
    const before = await perplexities();
    const controller = new AbortController();
    const steps: number[] = [];
    const onProgress = ({ step }: { step: number }) => {
      steps.push(step);
      if (step === 3) controller.abort(new Error('enough'));
    };
    const learning = model.personalize([personalText(20, 3)], { onProgress, signal: controller.signal });
    await expect(learning).rejects.toThrow('enough');
    expect(steps).toEqual([1, 2, 3]);
    expect(await perplexities()).toEqual(before);
  });

  test('learns one thing at a time', async () => {
    const first = model.personalize([personalText(20, 3)], { steps: 2 });
    await expect(model.personalize(['the old dog'])).rejects.toThrow('being personalized already');
    await first;
    await model.undoPersonalization();
  });

  test.each([
    ['too little text', ['the dog'], {}, /3 tokens, personalizing needs 16/],
    ['no steps', [personalText(20, 3)], { steps: 0 }, /steps must be a positive integer, got 0/],
    ['a learning rate of zero', [personalText(20, 3)], { learningRate: 0 }, /learningRate must be a positive number/],
  ])('refuses %s', async (_, texts, options, message) => {
    await expect(model.personalize(texts, options)).rejects.toThrow(message);
  });
});

test('a bundle without training graphs says how to get them', async () => {
  await using folder = await folderOf(await sampleBundle());
  await using model = await loadLocalLanguageModel(folder.path);
  await expect(model.personalize(['the river '.repeat(20)])).rejects.toMatchObject({
    code: 'not-personalizable',
    message: expect.stringContaining('export it with --personalization'),
  });
});

test('a training graph that was altered is refused', async () => {
  const files = await trainedBundle(generalText(50, 1), { steps: 1 });
  files.get('training.adapters.onnx')![100]! ^= 1;
  await using folder = await folderOf(files);
  await using model = await loadLocalLanguageModel(folder.path);
  await expect(model.personalize([personalText(20, 3)])).rejects.toMatchObject({ code: 'file-altered' });
});
