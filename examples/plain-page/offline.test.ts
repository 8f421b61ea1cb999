// The plain page in a real browser, with its server and without.
import { expect, test } from 'vitest';
import {
  builtPage,
  executablePath,
  launchChromium,
  pages,
  withBundle,
  withPage,
} from '../../packages/edge-runtime/src/testing/browser.js';
import { sampleBundle } from '../../packages/edge-runtime/src/testing/sample-bundle.js';

test.skipIf(!executablePath)('the plain page writes the same without its server, once it was open', async () => {
  const browser = await launchChromium();
  await withPage(
    browser,
    withBundle(await builtPage(pages.plain), await sampleBundle('int8')),
    async (page, server) => {
      const write = async () => {
        await page.getByRole('button', { name: 'Write' }).click(); // waits until the model is loaded
        await page.getByText('Wrote 40 tokens').waitFor();
        return page.locator('#text').textContent();
      };
      const online = await write();
      expect(online).toMatch(/^the \S+/);
      await server[Symbol.asyncDispose]();
      await page.reload();
      await page.getByText('Ready, on wasm').waitFor();
      expect(await write()).toBe(online);
    },
  );
  await browser.close();
});
