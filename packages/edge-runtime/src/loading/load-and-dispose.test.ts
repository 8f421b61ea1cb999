// Loads and disposes of a hundred models one after the other, in a page and in Node; nothing of them remains.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { builtPage, executablePath, launchChromium, pages, withBundle, withPage } from '../testing/browser.js';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import { loadLocalLanguageModel } from './load-local.js';

const megabyte = 2 ** 20;
/** A worker takes 10 MB, so eighty that remained would take far more. */
const allowedGrowth = 100 * megabyte;

test.skipIf(!executablePath || process.platform !== 'linux')(
  'a page loads and disposes of 100 models without growing',
  async () => {
    const browser = await launchChromium();
    const files = withBundle(await builtPage(pages.test), await sampleBundle('int8'));
    await withPage(browser, files, async (page) => {
      const session = await page.context().newCDPSession(page);
      const processes = await browser.newBrowserCDPSession();
      const cycles = (count: number) =>
        page.evaluate(async (count) => {
          for (let i = 0; i < count; i++) {
            const model = await unroll.loadLanguageModel('./model/');
            for await (const _ of model.generate('the', { maxTokens: 5 }));
            await model.dispose();
          }
        }, count);
      const heap = async () => {
        await session.send('HeapProfiler.collectGarbage');
        const { metrics } = await session.send('Performance.getMetrics');
        return metrics.find(({ name }) => name === 'JSHeapUsedSize')!.value;
      };
      const renderers = async () => {
        const { processInfo } = await processes.send('SystemInfo.getProcessInfo');
        const ids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
        const statuses = await Promise.all(ids.map((id) => readFile(`/proc/${id}/status`, 'utf8')));
        return statuses.reduce((sum, status) => sum + 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)![1]), 0);
      };
      await session.send('Performance.enable');
      await cycles(20);
      const before = [await heap(), await renderers()] as const;
      await cycles(80);
      await expect.poll(() => page.workers().length).toBe(0);
      expect((await heap()) - before[0]).toBeLessThan(megabyte);
      expect((await renderers()) - before[1]).toBeLessThan(allowedGrowth);
    });
    await browser.close();
  },
);

test('Node loads and disposes of 100 models without growing', async () => {
  await using folder = await folderOf(await sampleBundle('int8'));
  const cycles = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await using model = await loadLocalLanguageModel(folder.path);
      await model.score('the river');
    }
  };
  await cycles(20);
  const before = process.memoryUsage().rss;
  await cycles(80);
  expect(process.memoryUsage().rss - before).toBeLessThan(allowedGrowth);
});
