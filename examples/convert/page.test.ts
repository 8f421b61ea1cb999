// The page that converts models, in a real browser: its own model, and one of files, without its server.
import { io } from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  builtPage,
  executablePath,
  type Files,
  launchChromium,
  pages,
  withPage,
} from '../../packages/edge-runtime/src/testing/browser.js';

describe.skipIf(!executablePath)('the page that converts', () => {
  let browser: Browser;
  let files: Files;
  beforeAll(async () => {
    browser = await launchChromium();
    files = await builtPage(pages.convert);
  });
  afterAll(() => browser.close());

  const convert = async (page: Page) => {
    await page.getByLabel('TensorFlow.js on').selectOption('cpu'); // WebGL compiles for minutes without a GPU
    await page.getByRole('button', { name: 'Convert and run' }).click();
    await page.locator('button:enabled').waitFor();
    expect(await page.getByRole('status').textContent()).toMatch(/^Converted: \d+ bytes/);
    for (const name of ['TensorFlow.js', 'ONNX Runtime Web']) {
      const row = page.getByRole('row', { name });
      expect(Number(await row.locator('td').first().textContent())).toBeGreaterThan(0);
      expect(await row.locator('td').last().textContent()).toMatch(/^\d\.\d{5}, /);
    }
    const [, difference] = /difference: (\S+)$/.exec((await page.locator('#difference').textContent())!)!;
    expect(Number(difference)).toBeLessThan(1e-4);
  };

  test('shows outputs that are the same and the time of each, also without its server', async () => {
    await withPage(browser, files, async (page, server) => {
      await convert(page);
      await server[Symbol.asyncDispose]();
      await page.locator('#files').setInputFiles(await savedModel());
      await convert(page);
      const [saved] = await Promise.all([page.waitForEvent('download'), page.getByText('Save model.onnx').click()]);
      expect(saved.suggestedFilename()).toBe('model.onnx');
    });
  });

  test('says why a model cannot be converted', async () => {
    await withPage(browser, files, async (page) => {
      const [json, weights] = await savedModel();
      const text = json!.buffer.toString().replace('"stateful":false', '"stateful":true');
      await page.getByLabel('TensorFlow.js on').selectOption('cpu');
      await page.locator('#files').setInputFiles([{ ...json!, buffer: Buffer.from(text) }, weights!]);
      await page.getByRole('button', { name: 'Convert and run' }).click();
      await page.getByText('whose states ONNX cannot keep').waitFor();
    });
  });
});

/** A model's files as TensorFlow.js saves them. */
async function savedModel() {
  const model = sequential({
    layers: [
      layers.gru({ units: 3, batchInputShape: [2, 6, 4], recurrentInitializer: 'zeros' }),
      layers.dense({ units: 2, activation: 'sigmoid' }),
    ],
  });
  const saved: { name: string; mimeType: string; buffer: Buffer }[] = [];
  await model.save(
    io.withSaveHandler(async (artifacts) => {
      const { modelTopology, weightSpecs } = artifacts;
      const json = { modelTopology, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] };
      const bytes = Buffer.from(io.CompositeArrayBuffer.join(artifacts.weightData));
      saved.push(
        { name: 'model.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(json)) },
        { name: 'weights.bin', mimeType: 'application/octet-stream', buffer: bytes },
      );
      return { modelArtifactsInfo: io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  return saved;
}
