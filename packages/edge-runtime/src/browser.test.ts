import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build, defaultClientConditions } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../../scripts/chromium.mjs';
import { loadLocalLanguageModel } from './loading/load-local.js';
import type { PageApi } from './testing/page/main.js';
import { folderOf, sampleBundle, serverOf } from './testing/sample-bundle.js';

const executablePath = await findChromium();
if (!executablePath) console.warn('browser tests skipped: no Chromium here; run: node scripts/chromium.mjs');

const testPage = fileURLToPath(new URL('./testing/page/', import.meta.url));
const examplePage = fileURLToPath(new URL('../../../examples/browser/', import.meta.url));

/** The page in `root` as Vite builds it from the packages' sources, by path. */
async function builtPage(root: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  await using folder = await folderOf(new Map());
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    base: './',
    resolve: { conditions: ['@unroll/source', ...defaultClientConditions] },
    build: { outDir: folder.path, emptyOutDir: true, target: 'es2022' },
  });
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const entry of await readdir(folder.path, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(relative(folder.path, path), new Uint8Array(await readFile(path)));
  }
  return files;
}

describe.skipIf(!executablePath)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  /** Opens the page in `root`, served beside an int8 bundle in `model/`, and fails on any error that it reports. */
  async function withPage(root: string, use: (page: Page) => Promise<void>): Promise<void> {
    const files = await builtPage(root);
    for (const [name, bytes] of await sampleBundle('int8')) files.set(`model/${name}`, bytes);
    await using server = await serverOf(files);
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`${server.url}index.html`);
    await use(page);
    await page.close();
    expect(errors).toEqual([]);
  }

  test("greedy and sampled token ids are Node's, and the score is within 1e-4", async () => {
    await using folder = await folderOf(await sampleBundle('int8'));
    await using model = await loadLocalLanguageModel(folder.path);
    const ids = async (options: object) => {
      const collected = [];
      for await (const { id } of model.generate('the river', { maxTokens: 50, ...options })) collected.push(id);
      return collected;
    };
    const text = 'the river word3 then there The word7 word1';
    const expected = {
      greedy: await ids({ temperature: 0 }),
      sampled: await ids({ seed: 5, topP: 0.9 }),
      score: (await model.score(text)).logProbability,
    };
    await withPage(testPage, async (page) => {
      const actual = await page.evaluate(
        (scored) => (globalThis as unknown as { unroll: PageApi }).unroll.run('./model/', 'the river', scored),
        text,
      );
      expect(actual.greedy).toEqual(expected.greedy);
      expect(actual.sampled).toEqual(expected.sampled);
      expect(Math.abs(actual.score - expected.score)).toBeLessThan(1e-4);
    });
  });

  test('the example page suggests words while one types, and writes on at a click', async () => {
    await withPage(examplePage, async (page) => {
      const text = page.getByLabel('Your text');
      const chips = page.getByRole('group', { name: 'Suggestions' }).getByRole('button');
      await text.click(); // waits until the model is loaded
      await text.pressSequentially('the riv');
      await page.getByRole('button', { name: 'river' }).waitFor();
      expect(await chips.allTextContents()).toEqual(['river']);
      await text.press('Tab');
      expect(await text.inputValue()).toBe('the river ');
      await page.waitForFunction(() => document.querySelectorAll('#suggestions button').length === 4);

      await page.getByRole('button', { name: 'Continue the text' }).click();
      await page.getByText(/\d tokens\/s/).waitFor();
      await page.getByRole('button', { name: 'Continue the text' }).waitFor();
      expect((await page.locator('#generated').textContent())!.split(/\s+/).length).toBeGreaterThanOrEqual(50);
    });
  });

  test('the example page says what is wrong with the bundle', async () => {
    const files = await builtPage(examplePage);
    await using server = await serverOf(files);
    const page = await browser.newPage();
    await page.goto(`${server.url}index.html?bundle=/elsewhere/`);
    await page.getByText(/elsewhere\/manifest\.json: not found/).waitFor();
    await page.close();
  });
});
