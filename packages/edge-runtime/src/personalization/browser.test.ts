// Personalizing in a real browser: it works, is sent nowhere, and is restored at the next start.
import type { Browser, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  builtPage,
  executablePath,
  type Files,
  launchChromium,
  pages,
  withBundle,
  withPage,
} from '../testing/browser.js';
import { generalText, personalText } from '../testing/styles.js';
import { trainedBundle } from '../testing/trained-bundle.js';

const texts = { learned: personalText(60, 3), person: personalText(100, 4), general: generalText(300, 2) };

describe.skipIf(!executablePath)('a model that is personalized in a page', () => {
  let browser: Browser;
  let page: Files;
  let bundle: Files;
  beforeAll(async () => {
    browser = await launchChromium();
    page = await builtPage(pages.test);
    bundle = await trainedBundle(generalText(3000, 1));
  });
  afterAll(() => browser.close());

  test('learns a person’s style by 20 %, forgets less than 3 %, reports its progress, and can be undone bit for bit', async () => {
    await withPage(browser, withBundle(page, bundle), async (page) => {
      const { before, after, undone, steps } = await page.evaluate(async ({ learned, person, general }) => {
        const model = await unroll.loadLanguageModel('./model/');
        const perplexities = async () => ({
          person: (await model.score(person)).perplexity,
          general: (await model.score(general)).perplexity,
        });
        const before = await perplexities();
        let steps = 0;
        await model.personalize([learned], { onProgress: () => steps++ });
        const after = await perplexities();
        await model.undoPersonalization();
        return { before, after, undone: await perplexities(), steps };
      }, texts);
      expect(after.person).toBeLessThan(0.8 * before.person);
      expect(after.general).toBeLessThan(1.03 * before.general);
      expect(undone).toEqual(before);
      expect(steps).toBe(200);
    });
  });

  test('sends nothing: it only reads files of the page and of the bundle', async () => {
    await withPage(browser, withBundle(page, bundle), async (page, server) => {
      const requests: Request[] = [];
      page.context().on('request', (request) => requests.push(request));
      await learn(page, { steps: 5 });
      const read = requests.map((request) => new URL(request.url()).pathname);
      expect(read).toContain('/model/training.adapters.onnx');
      expect(read).not.toContain('/model/training.full.onnx');
      for (const request of requests) {
        expect(request.url().startsWith(server.url)).toBe(true);
        expect(request.url()).not.toContain('?');
        expect(request.method()).toBe('GET');
        expect(request.postData()).toBeNull();
      }
    });
  });

  test('is personalized again at the next start, without the network, until it is undone', async () => {
    await withPage(browser, withBundle(page, bundle), async (page) => {
      const learned = await learn(page, { steps: 50 });
      await page.route('**/model/**', (route) => route.abort());
      expect(await loadAndScore(page)).toEqual({ status: { method: 'adapters' }, perplexity: learned });

      await page.evaluate(async () => {
        const model = await unroll.loadLanguageModel('./model/');
        await model.undoPersonalization();
        await model.dispose();
      });
      const { status, perplexity } = await loadAndScore(page);
      expect(status).toEqual({});
      expect(perplexity).toBeGreaterThan(learned);
    });
  });

  test('is one model under every form of its address; records of version 0.1 under other forms are found and deleted with it', async () => {
    await withPage(browser, withBundle(page, bundle), async (page, { url }) => {
      const learned = await learn(page, { steps: 5 });
      expect(await loadAndScore(page, './model?v=2#x')).toEqual({
        status: { method: 'adapters' },
        perplexity: learned,
      });
      expect(await storedKeys(page)).toEqual([`${url}model`]);

      await storedKeys(page, [`${url}model/`, `${url}model//`, `${url}model/?v=1`, `${url}other/`]);
      expect(await loadAndScore(page)).toEqual({ status: { method: 'adapters' }, perplexity: learned });
      await page.evaluate(async () => {
        const model = await unroll.loadLanguageModel('model/manifest.json');
        await model.undoPersonalization();
        await model.dispose();
      });
      expect(await storedKeys(page)).toEqual([`${url}other/`]);
    });
  });

  test('forgets what it learned when the bundle has another model, and says so', async () => {
    const files = withBundle(page, bundle);
    await withPage(browser, files, async (page) => {
      await learn(page, { steps: 5 });
      for (const [name, bytes] of await trainedBundle(generalText(3000, 1), { steps: 20 })) {
        files.set(`model/${name}`, bytes);
      }
      const { status } = await loadAndScore(page);
      expect(status).toEqual({ discarded: 'the bundle has another model.onnx now' });
      expect((await loadAndScore(page)).status).toEqual({});
    });
  });
});

/** Personalizes, disposes of the model, and returns the perplexity of the person's new texts. */
function learn(page: Page, options: { steps: number }): Promise<number> {
  return page.evaluate(
    async ({ learned, person, options }) => {
      const model = await unroll.loadLanguageModel('./model/');
      const { stored } = await model.personalize([learned], options);
      if (!stored) throw new Error('nothing was stored');
      const { perplexity } = await model.score(person);
      await model.dispose();
      return perplexity;
    },
    { ...texts, options },
  );
}

function loadAndScore(page: Page, address = './model/') {
  return page.evaluate(
    async ({ person, address }) => {
      const model = await unroll.loadLanguageModel(address);
      const { perplexity } = await model.score(person);
      await model.dispose();
      return { status: model.personalization, perplexity };
    },
    { ...texts, address },
  );
}

/** The keys of the stored records. If `replacement` is given, the record is moved there first. */
function storedKeys(page: Page, replacement: readonly string[] = []): Promise<IDBValidKey[]> {
  return page.evaluate(async (replacement) => {
    const resultOf = <Result>(request: IDBRequest<Result>) =>
      new Promise<Result>((resolve) => request.addEventListener('success', () => resolve(request.result)));
    const database = await resultOf(indexedDB.open('unroll-personalization'));
    const records = database.transaction('models', 'readwrite').objectStore('models');
    const [key] = await resultOf(records.getAllKeys());
    if (replacement.length > 0) {
      const record = await resultOf(records.get(key!));
      records.delete(key!);
      for (const address of replacement) records.put(record, address);
    }
    const keys = await resultOf(records.getAllKeys());
    database.close();
    return keys;
  }, replacement);
}
