// The package in a real browser, under a strict content security policy: it computes the same as in Node, and the React
// example works.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadLocalLanguageModel } from './loading/load-local.js';
import { builtPage, executablePath, launchChromium, pages, withBundle, withPage } from './testing/browser.js';
import { folderOf, sampleBundle } from './testing/sample-bundle.js';
import { type ModelShape, randomReadingGraph, randomStepGraph } from './testing/step-graph.js';

describe.skipIf(!executablePath)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  test.each([
    ['LSTMs', 'int8', randomStepGraph, 'word'],
    ['LSTMs over characters, without a start token', 'none', randomStepGraph, 'char-without-start'],
    ['minGRUs', 'int8', (shape: ModelShape) => randomStepGraph({ ...shape, cell: 'mingru' }), 'word'],
    ['minLSTMs', 'int4', (shape: ModelShape) => randomStepGraph({ ...shape, cell: 'minlstm' }), 'word'],
    [
      'RWKV-7',
      'none',
      (shape: ModelShape) => randomStepGraph({ ...shape, cell: 'rwkv7', hiddenDim: 64, headSize: 16 }),
      'word',
    ],
    [
      'minGRUs, with linear attention',
      'none',
      (shape: ModelShape) => randomReadingGraph({ ...shape, cell: 'mingru' }),
      'word',
    ],
  ] as const)(
    "of %s, %s: token ids are Node's, greedy and sampled, and the score is within 1e-4",
    async (_, scheme, graphOf, kind) => {
      const bundle = await sampleBundle(scheme, kind, graphOf);
      await using folder = await folderOf(bundle);
      await using model = await loadLocalLanguageModel(folder.path);
      const ids = async (options: object) => {
        const collected = [];
        for await (const { id } of model.generate('the river', { maxTokens: 50, ...options })) collected.push(id);
        return collected;
      };
      const text = 'the river word3 then there The word7 word1';
      const expected = {
        greedy: await ids({ temperature: 0 }),
        sampled: await ids({ seed: 5, topP: 0.9 }),
        score: (await model.score(text)).logProbability,
      };
      await withPage(browser, withBundle(await builtPage(pages.test), bundle), async (page) => {
        const actual = await page.evaluate(async (scored) => {
          const model = await unroll.loadLanguageModel('./model/');
          const ids = async (options: object) => {
            const collected = [];
            for await (const { id } of model.generate('the river', { maxTokens: 50, ...options })) collected.push(id);
            return collected;
          };
          const [greedy, sampled] = [await ids({ temperature: 0 }), await ids({ seed: 5, topP: 0.9 })];
          const { logProbability } = await model.score(scored);
          await model.dispose();
          return { greedy, sampled, score: logProbability };
        }, text);
        expect(actual.greedy).toEqual(expected.greedy);
        expect(actual.sampled).toEqual(expected.sampled);
        expect(Math.abs(actual.score - expected.score)).toBeLessThan(1e-4);
      });
    },
  );

  test('the React example suggests words, in strict mode', async () => {
    await withPage(browser, withBundle(await builtPage(pages.react), await sampleBundle('int8')), async (page) => {
      await page.getByLabel('Your text').fill('the riv');
      await page.getByRole('button', { name: 'river' }).click();
      expect(await page.getByLabel('Your text').inputValue()).toBe('the river ');
      await page.waitForFunction(() => document.querySelectorAll('button').length === 4);
    });
  });
});
