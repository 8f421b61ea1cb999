// The plain page in a real browser: with and without its server, reloaded past every cache, and without service
// workers.
import type { Browser, FrameLocator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  builtPage,
  executablePath,
  type Files,
  launchChromium,
  openTab,
  pages,
  withBundle,
  withPage,
} from '../../packages/edge-runtime/src/testing/browser.js';
import { sampleBundle, serverOf, strictPolicy } from '../../packages/edge-runtime/src/testing/sample-bundle.js';

describe.skipIf(!executablePath)('the plain page', () => {
  let browser: Browser;
  let files: Files;
  beforeAll(async () => {
    browser = await launchChromium();
    files = withBundle(await builtPage(pages.plain), await sampleBundle('int8'));
  });
  afterAll(() => browser.close());

  const write = async (page: Page | FrameLocator) => {
    await page.getByRole('button', { name: 'Write' }).click(); // waits until the model is loaded
    await page.getByText('Wrote 40 tokens').waitFor();
    return page.locator('#text').textContent();
  };

  test('writes the same without its server after a first visit, and when it is reloaded past the caches', async () => {
    await withPage(browser, files, async (page, server) => {
      const online = await write(page);
      expect(online).toMatch(/^the \S+/);
      await page.getByText('Opens without the network').waitFor();

      const session = await page.context().newCDPSession(page);
      await session.send('Page.reload', { ignoreCache: true });
      await page.getByText('Ready, on wasm').waitFor();
      expect(await page.evaluate(() => navigator.serviceWorker.controller)).toBeNull();
      expect(await write(page)).toBe(online);

      await server[Symbol.asyncDispose]();
      await page.reload();
      await page.getByText('Ready, on wasm').waitFor();
      expect(await write(page)).toBe(online);
    });
  });

  test('works if the server has no service worker', async () => {
    const without = new Map(files);
    without.delete('service-worker.js');
    await withPage(browser, without, async (page) => {
      expect(await write(page)).toMatch(/^the \S+/);
    });
  });

  test('works in a sandboxed frame, and says that nothing is kept', async () => {
    const framed = new TextEncoder().encode('<iframe sandbox="allow-scripts allow-forms" src="index.html"></iframe>');
    await using server = await serverOf(new Map(files).set('frame.html', framed), `${strictPolicy}; frame-src 'self'`);
    const page = await openTab(browser);
    await page.goto(`${server.url}frame.html`);
    const frame = page.frameLocator('iframe');
    expect(await write(frame)).toMatch(/^the \S+/);
    await frame.getByText(/not kept for the next visit: the browser denies storage/).waitFor();
    await page.close();
  });
});
