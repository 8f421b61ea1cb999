// How much the demo downloads, runtime and a keyboard's model included.
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
import { presets } from '../../packages/trainer/src/training/presets.js';

/** As many words as the preset takes, of about seven letters. */
const words = Array.from({ length: 9998 }, (_, k) => `word${(k * 7919 + 1e4).toString(26)}`).join(' ');

async function keyboardBundle() {
  const { model, tokenizer: kind, vocabulary } = presets['gboard-cifg'];
  const tokenizer = trainTokenizer(kind, words, { vocabSize: vocabulary });
  const config = languageModelConfig({ vocabSize: tokenizer.vocabSize, ...model });
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
      const bytes = server.requested.reduce((sum, path) => sum + (files.get(path)?.length ?? 0), 0);
      expect(bytes).toBeLessThan(6e6);
      expect(server.requested.filter((path) => path.includes('ort') || path.includes('training'))).toEqual([]);
    });
    await browser.close();
  },
);
