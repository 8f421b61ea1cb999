// The browser's part of the quickstart: builds the example page, serves it beside a bundle, and presses its button in a
// headless Chromium, which is installed if necessary.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { ensureChromium } from './chromium.mjs';
import { root } from './stages.mjs';

/**
 * Lets the page continue `prompt` with the bundle in `bundle`.
 * @param page folder for the built page
 * @returns the browser's version, the text and the speed that the page shows; undefined if there is no Chromium and
 * none can be installed
 */
export async function generateInBrowser(bundle, page, prompt) {
  const executablePath = await ensureChromium();
  if (!executablePath) return undefined;
  const example = join(root, 'examples/browser');
  const configFile = join(example, 'vite.config.ts');
  await build({ root: example, configFile, logLevel: 'warn', build: { outDir: page, emptyOutDir: true } });
  await cp(bundle, join(page, 'model'), { recursive: true });

  const served = { root: example, configFile, logLevel: 'silent', build: { outDir: page } };
  const server = await preview({ ...served, preview: { host: '127.0.0.1', port: 0 } });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: 600_000 });
  try {
    const tab = await browser.newPage();
    // Only ends a hang, however slow the machine is.
    tab.setDefaultTimeout(600_000);
    await tab.goto(server.resolvedUrls.local[0]);
    await tab.getByLabel('Your text').fill(prompt);
    await tab.getByRole('button', { name: 'Continue the text' }).click();
    await tab.getByText(/\d tokens\/s/).waitFor();
    await tab.getByRole('button', { name: 'Continue the text' }).waitFor();
    const text = `${prompt}${await tab.locator('#generated').textContent()}`;
    const speed = await tab.locator('#speed').textContent();
    console.log(text);
    return { text, speed, version: `Chromium ${browser.version()}` };
  } finally {
    await browser.close();
    await server.close();
  }
}
