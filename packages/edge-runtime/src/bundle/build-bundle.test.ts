import { expect, test } from 'vitest';
import { folderAt } from '#bundle-source';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import { withMeasurements } from './build-bundle.js';
import { readBundle } from './read-bundle.js';

test('later measurements are read back, and the bundle is still valid', async () => {
  const measured = { bytes: 4, float32Bytes: 16, perplexity: 12.5, float32Perplexity: 12.4 };
  await using folder = await folderOf(withMeasurements(await sampleBundle(), measured));
  const { manifest } = await readBundle(folderAt(folder.path));
  expect(manifest.measured).toEqual(measured);
});
