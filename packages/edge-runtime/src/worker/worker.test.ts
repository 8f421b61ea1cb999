// A model in its worker, in a real browser: the page's thread stays free, and errors arrive as they were thrown.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
} from '../testing/browser.js';
import { sampleBundle, serverOf, strictPolicy } from '../testing/sample-bundle.js';
import { randomReadingGraph } from '../testing/step-graph.js';

describe.skipIf(!executablePath)('a model in a worker', () => {
  let browser: Browser;
  let files: Files;
  beforeAll(async () => {
    browser = await launchChromium();
    files = withBundle(await builtPage(pages.test), await sampleBundle('int8'));
  });
  afterAll(() => browser.close());

  const inPage = (use: (page: Page) => Promise<void>) => withPage(browser, files, use);

  // The browser measures by the clock, and a machine may pause any thread, so the test gets several chances.
  test('never keeps the page busy for 50 ms, from loading to the last token', { retry: 5 }, async () => {
    await inPage(async (page) => {
      const tasks = await page.evaluate(async () => {
        const observed: string[] = [];
        let phase = 'model';
        const observer = new PerformanceObserver((list) => observed.push(...list.getEntries().map(() => phase)));
        observer.observe({ type: 'longtask' });
        const nextTask = () => new Promise((resolve) => setTimeout(resolve, 100));

        const model = await unroll.loadLanguageModel('./model/');
        for await (const _ of model.generate('the river', { maxTokens: 2000 }));
        await model.score('the river word1 '.repeat(500));
        for (const typed of ['t', 'th', 'the', 'the ', 'the r']) await model.suggest(typed);
        await nextTask();
        phase = 'busy loop';
        const end = performance.now() + 80;
        while (performance.now() < end);
        await nextTask();
        return observed;
      });
      expect(tasks).toEqual(['busy loop']);
    });
  });

  test('answers other questions while it writes, and stops when the reader leaves', async () => {
    await inPage(async (page) => {
      const { written, words } = await page.evaluate(async () => {
        const model = await unroll.loadLanguageModel('./model/');
        let [written, words] = [0, [] as string[]];
        for await (const _ of model.generate('the', { maxTokens: 1_000_000 })) {
          written++;
          if (written === 100) words = await model.suggest('the riv');
          if (written === 200) break;
        }
        await model.score('the river'); // the worker is free again
        await model.dispose();
        return { written, words };
      });
      expect(written).toBe(200);
      expect(words).toEqual(['river']);
    });
  });

  test('lets every call be aborted, with the signal’s reason, and continues to work', async () => {
    await inPage(async (page) => {
      const outcomes = await page.evaluate(async () => {
        const model = await unroll.loadLanguageModel('./model/');
        const long = 'the river word1 '.repeat(100_000);
        const aborted = (start: (signal: AbortSignal) => Promise<unknown>) => {
          const controller = new AbortController();
          const outcome = start(controller.signal).then(
            () => 'finished',
            (error) => String(error),
          );
          setTimeout(() => controller.abort('changed my mind'), 20);
          return outcome;
        };
        const collect = async (signal: AbortSignal) => {
          for await (const _ of model.generate('the', { maxTokens: 1_000_000, signal }));
        };
        const outcomes = [
          await aborted((signal) => model.score(long, { signal })),
          await aborted((signal) => model.read(long, { signal })),
          await aborted(collect),
          (await model.suggest('the riv')).join(),
        ];
        await model.dispose();
        return outcomes;
      });
      expect(outcomes).toEqual(['changed my mind', 'changed my mind', 'changed my mind', 'river']);
    });
  });

  test('throws the errors that it would throw in the page', async () => {
    await inPage(async (page) => {
      const errors = await page.evaluate(async () => {
        const model = await unroll.loadLanguageModel('./model/');
        const state = { ...(await model.read('the')), model: 'another' };
        const { BundleError } = unroll;
        const told = (promise: Promise<unknown>) =>
          promise.then(
            () => 'nothing',
            (error) => [error instanceof BundleError ? error.code : error.constructor.name, error.message].join(': '),
          );
        const errors = [
          await told(model.generate('the', { topP: 2 }).next()),
          await told(model.score('the', { state })),
          await told(unroll.loadLanguageModel('./nowhere/')),
        ];
        const unanswered = told(model.score('the'));
        await model.dispose();
        return [...errors, await unanswered, await told(model.suggest('the'))];
      });
      expect(errors).toEqual([
        'RangeError: topP 2: must be above 0 and at most 1',
        'state-foreign: the state belongs to another model.onnx; read the text again with this bundle',
        expect.stringMatching(/^file-missing: http:.*\/nowhere\/manifest\.json: not found/),
        'Error: the language model was disposed of; load it again',
        'Error: the language model was disposed of; load it again',
      ]);
    });
  });

  test('says what to allow where the content security policy forbids workers', async () => {
    const policy = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'";
    await using server = await serverOf(files, policy);
    const page = await openTab(browser);
    await page.goto(`${server.url}index.html`);
    const message = await page.evaluate(() =>
      unroll.loadLanguageModel('./model/').then(
        () => 'loaded',
        (error) => `${error.code}: ${error.message}`,
      ),
    );
    expect(message).toMatch(/^worker-failed: .*worker-src 'self'/);
    await page.close();
  });

  describe('where the script of the worker is not served', () => {
    /** Files as left by bundlers that do not know workers: the script's address leads nowhere, or to a page. */
    const withoutWorkers = (page: Files) => new Map([...page].filter(([path]) => !path.includes('wasm-worker')));
    const policy = strictPolicy.replace("worker-src 'self'", "worker-src 'self' blob:");

    test('runs in the worker that the package contains', async () => {
      await using server = await serverOf(withoutWorkers(files), policy);
      const page = await openTab(browser);
      await page.goto(`${server.url}index.html`);
      const { device, words } = await page.evaluate(async () => {
        const model = await unroll.loadLanguageModel('./model/');
        return { device: model.device, words: await model.suggest('the riv') };
      });
      expect({ device, words }).toEqual({ device: { name: 'wasm', runtime: 'unroll' }, words: ['river'] });
      expect(server.requested.filter((path) => path.includes('wasm-worker'))).toHaveLength(1);
      await page.close();
    });

    test('finds ONNX Runtime at the given address, and says what to do if none is given', async () => {
      const linearAttention = await sampleBundle('none', 'word', (shape) =>
        randomReadingGraph({ ...shape, cell: 'mingru' }),
      );
      const module = fileURLToPath(import.meta.resolve('onnxruntime-web/wasm'));
      const runtime: Files = new Map();
      for (const name of ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm']) {
        runtime.set(`runtime/${name}`, new Uint8Array(await readFile(join(dirname(module), name))));
      }
      await using server = await serverOf(
        new Map([...withBundle(withoutWorkers(files), linearAttention), ...runtime]),
        policy,
      );
      const page = await openTab(browser);
      await page.goto(`${server.url}index.html`);
      const outcomes = await page.evaluate(async () => {
        const load = (onnxRuntime?: string) =>
          unroll.loadLanguageModel('./model/', { onnxRuntime }).then(
            ({ device }) => device.runtime,
            ({ code, message }) => `${code}: ${message}`,
          );
        return [await load('./runtime/ort.wasm.bundle.min.mjs'), await load(), await load('./nowhere.mjs')];
      });
      const missing = expect.stringMatching(/^onnxruntime-missing: .*npm install onnxruntime-web, or give its module/);
      expect(outcomes).toEqual(['onnxruntime', missing, expect.stringMatching(/^wasm-unavailable: .*nowhere.mjs/)]);
      await page.close();
    });
  });

  test('saves a state into IndexedDB, and another model continues from it', async () => {
    await inPage(async (page) => {
      const { whole, resumed } = await page.evaluate(async () => {
        const database = await new Promise<IDBDatabase>((resolve) => {
          const opening = indexedDB.open('states');
          opening.onupgradeneeded = () => opening.result.createObjectStore('states');
          opening.onsuccess = () => resolve(opening.result);
        });
        const states = (mode: IDBTransactionMode) => database.transaction('states', mode).objectStore('states');
        const first = await unroll.loadLanguageModel('./model/');
        const saved = await first.read('the river word1');
        states('readwrite').put(saved, 'text');
        const direct = await first.score('the river word1 word2 then');
        await first.dispose();

        const second = await unroll.loadLanguageModel('./model/');
        const state = await new Promise<Awaited<ReturnType<typeof second.read>>>((resolve) => {
          const reading = states('readonly').get('text');
          reading.onsuccess = () => resolve(reading.result);
        });
        const resumed = await second.score('word2 then', { state });
        await second.dispose();
        return { whole: direct.tokenLogProbabilities.slice(3), resumed: resumed.tokenLogProbabilities };
      });
      expect(resumed).toEqual(whole);
    });
  });
});
