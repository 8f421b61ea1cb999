import { expect, test } from 'vitest';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import { withPerplexity } from './build-bundle.js';
import { readBundle } from './read-bundle.js';

test('a perplexity that is recorded afterwards is read back, and the bundle is still whole', async () => {
  await using folder = await folderOf(withPerplexity(await sampleBundle(), 12.5));
  const { manifest } = await readBundle(folder.path);
  expect(manifest.perplexity).toBe(12.5);
});
