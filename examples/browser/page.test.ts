// The demo in a real browser: with a keyboard, on a phone, checked by axe-core, and without the network.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { trainTokenizer } from '@unroll/core/text';
import { buildBundle } from '@unroll/edge-runtime';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
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
import { sampleBundle, serverOf } from '../../packages/edge-runtime/src/testing/sample-bundle.js';
import { randomStepGraph } from '../../packages/edge-runtime/src/testing/step-graph.js';
import { generalText, personalText } from '../../packages/edge-runtime/src/testing/styles.js';
import { trainedBundle } from '../../packages/edge-runtime/src/testing/trained-bundle.js';
import { chinesePage } from './src/language-zh.js';

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const desktop = { viewport: { width: 1280, height: 800 } };

const poem = '京口瓜洲一水间，钟山只隔数重山。\n春风又绿江南岸，明月何时照我还。\n';

/** A model with random weights whose tokens are the poem's characters. */
function chineseBundle() {
  const tokenizer = trainTokenizer('char', poem);
  const shape = { vocabSize: tokenizer.vocabSize, embeddingDim: 64, hiddenDim: 96, layers: 1 };
  const contents = { tokenizerJson: tokenizer.toJSON(), config: {}, quantization: 'int8' } as const;
  return buildBundle({ graph: randomStepGraph(shape), ...contents });
}

/** The faults that axe-core finds in the page, with their elements. */
async function faults(page: Page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
}

describe.skipIf(!executablePath)('the demo', () => {
  let browser: Browser;
  let page: Files;
  let files: Files;
  let personalizable: Files;
  beforeAll(async () => {
    browser = await launchChromium();
    page = await builtPage(pages.browser);
    files = withBundle(page, await sampleBundle('int8'));
    personalizable = withBundle(page, await trainedBundle(generalText(3000, 1)));
  });
  afterAll(() => browser.close());

  const text = (page: Page) => page.getByLabel('Your text');
  const suggestions = (page: Page) => page.getByRole('group', { name: 'Suggestions' }).getByRole('button');
  const write = async (page: Page) => {
    await page.getByRole('button', { name: 'Continue the text' }).click();
    await page.getByText('The model wrote:').waitFor({ state: 'attached' });
  };
  const judge = async (page: Page, judged: string) => {
    await page.getByLabel('Text to judge').fill(judged);
    await page.locator('#verdict').evaluate((verdict) => verdict.replaceChildren());
    await page.getByRole('button', { name: 'Show surprises' }).click();
    await page.getByText(/bits of surprise a word/).waitFor();
  };

  test('suggests words while a person types; → takes the first, Tab and Enter another', async () => {
    await withPage(browser, files, async (page) => {
      await text(page).click(); // waits until the model is loaded
      await text(page).pressSequentially('the riv');
      await page.getByRole('button', { name: 'river' }).waitFor();
      expect(await suggestions(page).allTextContents()).toEqual(['river']);
      await text(page).press('ArrowRight');
      expect(await text(page).inputValue()).toBe('the river ');
      await expect.poll(() => suggestions(page).count()).toBe(3);

      const second = await suggestions(page).nth(1).textContent();
      await text(page).press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await text(page).inputValue()).toBe(`the river ${second} `);
    });
  });

  test('has its own keyboard, which is open on a phone and is one stop of the Tab key', async () => {
    const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).tap();
    await withPage(
      browser,
      files,
      async (page) => {
        for (const key of ['t', 'h', 'w', 'Delete', 'e', 'Space', 'r', 'i', 'v']) await press(page, key);
        expect(await text(page).inputValue()).toBe('the riv');
        await page.getByRole('button', { name: 'river' }).tap();
        expect(await text(page).inputValue()).toBe('the river ');
      },
      phone,
    );
    await withPage(browser, files, async (page) => {
      await page.getByRole('button', { name: 'Keyboard' }).click();
      await expect.poll(() => suggestions(page).count()).toBe(3);
      await suggestions(page).last().focus();
      for (const key of ['Tab', 'ArrowRight', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
      expect(await text(page).inputValue()).toBe('s');
    });
  });

  test('continues the text at a click, and tells screen readers when it has finished', async () => {
    await withPage(browser, files, async (page) => {
      await text(page).fill('the river');
      await write(page);
      expect(await page.locator('#prompt').textContent()).toBe('the river');
      const generated = await page.locator('#generated').textContent();
      expect(generated).not.toBe('');
      expect(await page.locator('#announcement').textContent()).toBe(`The model wrote: ${generated}`);
      expect(await page.locator('#speed').textContent()).toMatch(/^[\d,]+ tokens\/s$/);
    });
  });

  test('maps the surprise of every word of a text, with numbers, and marks what it does not know', async () => {
    await withPage(browser, files, async (page) => {
      await judge(page, 'the river\nxyzzy then');
      const words = page.locator('#heat-map .word');
      expect(await words.evaluateAll((all) => all.map((word) => word.firstChild!.textContent))).toEqual([
        'the',
        'river',
        '⏎',
        'xyzzy',
        'then',
      ]);
      expect(await page.locator('#heat-map .unknown').getAttribute('title')).toMatch(
        /^\d+\.\d bits, not in the vocabulary$/,
      );
      const bits = (await page.locator('#outliers li').allTextContents()).map((item) =>
        Number(/([\d.]+) bits/.exec(item)![1]),
      );
      expect(bits).toHaveLength(5);
      expect(bits).toEqual(bits.toSorted((a, b) => b - a));
    });
  });

  test('writes an example to judge', async () => {
    await withPage(browser, files, async (page) => {
      await page.getByRole('button', { name: 'Example' }).click();
      await page.getByText(/bits of surprise a word/).waitFor();
      expect(await page.getByLabel('Text to judge').inputValue()).not.toBe('');
    });
  });

  test('learns from a person’s texts, says what that changed, remembers it at the next visit, and undoes it', async () => {
    await withPage(browser, personalizable, async (page) => {
      const surprise = async () => {
        await judge(page, personalText(5, 4).trim());
        return Number(/([\d.]+) bits/.exec((await page.locator('#verdict').textContent())!)![1]);
      };
      const before = await surprise();
      await page.getByLabel('Texts of yours').fill(personalText(60, 3));
      await page.getByRole('button', { name: 'Learn from these' }).click();
      await page.getByText(/^Learned in \d+ s\. This browser keeps it/).waitFor();
      expect(await page.locator('#own-change').textContent()).toMatch(/^−\d\d\.\d %$/);
      expect(await faults(page)).toEqual([]);

      await page.reload();
      await page.getByText('It learned from you in an earlier session.').waitFor();
      expect(await surprise()).toBeLessThan(before);
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText(/^Undone/).waitFor();
      expect(await surprise()).toBe(before);
    });
  });

  test('has no panel for learning if the bundle cannot be personalized', async () => {
    await withPage(browser, files, async (page) => {
      await text(page).click(); // waits until the model is loaded
      expect(await page.getByText('Make it yours').count()).toBe(0);
    });
  });

  test('opens without its server after a first visit, and suggests the same', async () => {
    await withPage(browser, files, async (page, server) => {
      await page.getByText('ready', { exact: true }).waitFor();
      const online = await suggestions(page).allTextContents();
      await server[Symbol.asyncDispose]();
      await page.reload();
      await expect.poll(() => suggestions(page).count()).toBe(3);
      expect(await suggestions(page).allTextContents()).toEqual(online);
      await write(page);
    });
  });

  test.each(['light', 'dark'] as const)(
    'has no fault that axe-core finds, %s, on a phone and a desk',
    async (colorScheme) => {
      for (const device of [phone, desktop]) {
        await withPage(
          browser,
          personalizable,
          async (page) => {
            await write(page);
            await judge(page, 'the river xyzzy then word3');
            await page.evaluate(axe.source);
            const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
            expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
          },
          { ...device, colorScheme },
        );
      }
    },
  );

  test('fits 320 pixels, and its buttons are 44 pixels high', async () => {
    await withPage(
      browser,
      files,
      async (page) => {
        await judge(page, 'the river xyzzy then word3');
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
        const heights = await page
          .locator('button:visible, input:visible, textarea:visible')
          .evaluateAll((all) => all.map((control) => control.getBoundingClientRect().height));
        expect(heights.length).toBeGreaterThan(35);
        expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
      },
      { ...phone, viewport: { width: 320, height: 640 } },
    );
  });

  test('every text of the page is also in Chinese', () => {
    const html = readFileSync(join(import.meta.dirname, 'index.html'), 'utf8');
    const named = [...html.matchAll(/data-say(?:-label|-placeholder)?="([^"]+)"/g)].map(([, name]) => name!);
    expect([...new Set(named)].sort()).toEqual(Object.keys(chinesePage).sort());
  });

  test('is in Chinese if the browser prefers it; Chinese is typed, shown and judged without spaces', async () => {
    const chinese = withBundle(page, await chineseBundle());
    for (const device of [phone, desktop]) {
      await withPage(
        browser,
        chinese,
        async (page) => {
          await page.getByRole('heading', { name: '在这台设备上运行的语言模型' }).waitFor();
          await page.getByLabel('您的文字', { exact: true }).first().fill('春风');
          const keyboard = page.getByRole('toolbar', { name: '键盘' });
          if (device === desktop) await page.getByRole('button', { name: '键盘' }).click();
          // The likeliest words, and punctuation.
          await expect.poll(() => keyboard.getByRole('button').count()).toBeGreaterThan(20);
          // Read and click at once: the keys change when the model has read the typed text.
          const key = keyboard.getByRole('button').nth(3);
          const word = await key.evaluate((key: HTMLElement) => {
            key.click();
            return key.textContent;
          });
          await expect.poll(() => page.locator('#text').inputValue()).toBe(`春风${word}`);
          const first = page.getByRole('group', { name: '建议' }).getByRole('button').first();
          await expect.poll(() => first.count()).toBe(1);
          await first.click();
          const typed = await page.locator('#text').inputValue();
          expect(typed).not.toMatch(/\s/);
          expect(typed.length).toBeGreaterThan(3);

          await page.getByLabel('要评判的文字').fill('春风又绿江南岸，\n钟山鬼');
          await page.getByRole('button', { name: '显示意外程度' }).click();
          await page.getByText(/平均每个词的意外程度为/).waitFor();
          const words = page.locator('#heat-map .word');
          const shown = await words.evaluateAll((all) => all.map((word) => word.firstChild!.textContent!));
          expect(shown.join('')).toBe('春风又绿江南岸，⏎钟山鬼');
          expect(shown).toContain('江南');
          expect(await page.locator('#heat-map .unknown').count()).toBe(1);
          expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(device.viewport.width);
          expect(await faults(page)).toEqual([]);

          await page.getByRole('link', { name: 'English' }).click();
          await page.getByRole('heading', { name: 'A language model on this device' }).waitFor();
        },
        { ...device, locale: 'zh-CN' },
      );
    }
  });

  test('says what is wrong with the bundle', async () => {
    await using server = await serverOf(page);
    const tab = await openTab(browser);
    await tab.goto(`${server.url}index.html?bundle=/elsewhere/`);
    await tab.getByText(/elsewhere\/manifest\.json: not found/).waitFor();
    await tab.close();
  });
});
