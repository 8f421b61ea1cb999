// GPT-2 in a real browser, under a strict content security policy: it computes the same as in Node.
import { expect, test } from 'vitest';
import { builtPage, executablePath, launchChromium, pages, withBundle, withPage } from '../testing/browser.js';
import { folderOf } from '../testing/sample-bundle.js';
import { configOf, gpt2TokenizerJson, transformerFiles } from '../testing/transformer-folder.js';
import { gpt2Graph } from '../testing/transformer-graph.js';
import { randomWeights, type TransformerShape } from '../testing/transformer-weights.js';
import { loadGpt2 } from './gpt2.js';
import { PretrainedTokenizer } from './pretrained-tokenizer.js';

const tokenizerJson = gpt2TokenizerJson();
const { vocabSize } = new PretrainedTokenizer(tokenizerJson, 'gpt2');
const shape: TransformerShape = { kind: 'gpt2', vocabSize, positions: 32, dim: 12, heads: 3, layers: 2 };

test.skipIf(!executablePath)(
  'GPT-2 writes the same tokens in a page as in Node, and gives them the same scores',
  async () => {
    const graph = gpt2Graph(shape, randomWeights(shape), 'model.onnx');
    const files = transformerFiles(graph, { config: configOf(shape), tokenizerJson });
    await using folder = await folderOf(files);
    await using model = await loadGpt2(folder.path);
    const expected: number[] = [];
    for await (const { id } of model.generate('the river', { temperature: 0, maxTokens: 10 })) expected.push(id);
    const { logProbability } = await model.score('the river');

    const browser = await launchChromium();
    await withPage(browser, withBundle(await builtPage(pages.test), files), async (page) => {
      const actual = await page.evaluate(async () => {
        const model = await unroll.loadGpt2('./model/');
        const ids = [];
        for await (const { id } of model.generate('the river', { temperature: 0, maxTokens: 10 })) ids.push(id);
        const { logProbability } = await model.score('the river');
        await model.dispose();
        return { ids, logProbability };
      });
      expect(expected.length).toBeGreaterThan(0);
      expect(actual.ids).toEqual(expected);
      expect(actual.logProbability).toBeCloseTo(logProbability, 3);
    });
    await browser.close();
  },
);
