// Measures the demo's download, including the runtime and a keyboard's model.
import { initialParameters, languageModelConfig, languageModelStepGraph, personalizationGraphs } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { buildBundle } from '@unroll/edge-runtime';
import { expect, test } from 'vitest';
import {
  builtPage,
  executablePath,
  launchChromium,
  pages,
  withBundle,
  withPage,
} from '../../packages/edge-runtime/src/testing/browser.js';

/** The trainer's preset gboard-cifg. */
const keyboardModel = { cell: 'cifg', embeddingDim: 96, hiddenDim: 670, projectionDim: 96, tieWeights: true } as const;

/** Words of about seven letters, the average of English dictionary words. */
const words = Array.from({ length: 9998 }, (_, k) => `word${(k * 7919 + 1e4).toString(26)}`).join(' ');

async function keyboardBundle() {
  const tokenizer = trainTokenizer('word', words, { vocabSize: 10_000 });
  const config = languageModelConfig({ vocabSize: tokenizer.vocabSize, ...keyboardModel });
  return buildBundle({
    graph: languageModelStepGraph(config, initialParameters(config, { seed: 1 })),
    tokenizerJson: tokenizer.toJSON(),
    config: { ...config },
    quantization: 'int8',
    personalization: personalizationGraphs(config),
  });
}

test.skipIf(!executablePath)(
  'the whole demo is less than 6 MB with a keyboard’s model, before any compression',
  async () => {
    const browser = await launchChromium();
    const files = withBundle(await builtPage(pages.browser), await keyboardBundle());
    await withPage(browser, files, async (page, server) => {
      await page.getByText('ready', { exact: true }).waitFor();
      expect(server.requested).toContain('model/model.onnx');
      expect(files.get('model/model.onnx')!.length).toBeLessThan(1.6e6);
      const bytes = server.requested.reduce((sum, path) => sum + (files.get(path)?.length ?? 0), 0);
      expect(bytes).toBeLessThan(6e6);
      expect(server.requested.filter((path) => path.includes('ort') || path.includes('training'))).toEqual([]);
    });
    await browser.close();
  },
);
