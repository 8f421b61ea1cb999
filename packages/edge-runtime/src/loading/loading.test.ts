// Loading in a real browser: what is stored, what is discarded, and which code a page is built with.
import type { Browser, Page } from 'playwright-core';
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
import { sampleBundle, serverOf } from '../testing/sample-bundle.js';

describe.skipIf(!executablePath)('loading a bundle in a page', () => {
  let browser: Browser;
  let page: Files;
  let bundle: Files;
  beforeAll(async () => {
    browser = await launchChromium();
    page = await builtPage(pages.test);
    bundle = await sampleBundle('int8');
  });
  afterAll(() => browser.close());

  /** Loads the bundle at `address` and returns the tokens of a greedy text, or the error's code. */
  const load = (page: Page, address: string) =>
    page.evaluate(async (address) => {
      try {
        const model = await unroll.loadLanguageModel(address);
        const tokens = [];
        for await (const { id } of model.generate('the', { temperature: 0, maxTokens: 5 })) tokens.push(id);
        await model.dispose();
        return tokens;
      } catch (error) {
        return (error as { code: string }).code;
      }
    }, address);

  /** The runtime's stored files, by address. */
  const stored = (page: Page) =>
    page.evaluate(async () => {
      const cache = await caches.open('unroll-bundles-1');
      return (await cache.keys()).map(({ url }) => new URL(url).pathname).sort();
    });

  test('keeps it: the next load needs no server', async () => {
    await withPage(browser, page, async (tab) => {
      const server = await serverOf(bundle);
      const first = await load(tab, server.url);
      expect(first).toHaveLength(5);
      await server[Symbol.asyncDispose]();
      expect(await load(tab, server.url)).toEqual(first);
    });
  });

  test('keeps one version: a new bundle replaces the old one', async () => {
    await withPage(browser, page, async (tab) => {
      const files = new Map(bundle);
      await using server = await serverOf(files);
      await load(tab, server.url);
      for (const [name, bytes] of await sampleBundle('none')) files.set(name, bytes);
      expect(await load(tab, server.url)).toHaveLength(5);
      expect(await stored(tab)).toEqual(['/manifest.json', '/model.onnx', '/tokenizer.json.z']);
    });
  });

  test('keeps nothing with cache: false', async () => {
    await withPage(browser, withBundle(page, bundle), async (tab) => {
      await tab.evaluate(async () => {
        const model = await unroll.loadLanguageModel('./model/', { cache: false });
        await model.dispose();
      });
      expect(await stored(tab)).toEqual([]);
    });
  });

  test('refuses one altered byte, and keeps nothing of it', async () => {
    await withPage(browser, page, async (tab) => {
      const bytes = bundle.get('model.onnx')!.slice();
      bytes[bytes.length >> 1]! ^= 1;
      await using server = await serverOf(new Map(bundle).set('model.onnx', bytes));
      expect(await load(tab, server.url)).toBe('file-altered');
      expect(await stored(tab)).toEqual([]);
    });
  });

  test('downloads a file again whose stored copy was altered', async () => {
    await withPage(browser, withBundle(page, bundle), async (tab) => {
      const first = await load(tab, './model/');
      expect(first).toHaveLength(5);
      await tab.evaluate(async () => {
        const cache = await caches.open('unroll-bundles-1');
        const [model] = (await cache.keys()).filter(({ url }) => url.includes('model.onnx'));
        await cache.put(model!, new Response('something else'));
      });
      expect(await load(tab, './model/')).toEqual(first);
    });
  });

  test('an aborted download keeps nothing, and the next one is whole', async () => {
    await withPage(browser, withBundle(page, bundle), async (tab) => {
      const [reason, workers] = await tab.evaluate(async () => {
        const controller = new AbortController();
        const options = { signal: controller.signal, onProgress: () => controller.abort('changed my mind') };
        return unroll.loadLanguageModel('./model/', options).then(
          () => ['loaded', 1],
          (error) => [String(error), 0],
        );
      });
      expect([reason, workers]).toEqual(['changed my mind', 0]);
      expect(await stored(tab)).toEqual([]);
      await expect.poll(() => tab.workers().length).toBe(0);
      expect(await load(tab, './model/')).toHaveLength(5);
    });
  });

  test('refuses arguments of the wrong kind by name, before a worker starts', async () => {
    await withPage(browser, page, async (tab) => {
      const messages = await tab.evaluate(async () => {
        const load = unroll.loadLanguageModel as (...args: unknown[]) => Promise<unknown>;
        const wrong = [
          [undefined],
          ['./model/', null],
          ['./model/', { device: 'gpu' }],
          ['./model/', { onProgress: 'x' }],
          ['./model/', { signal: {} }],
          ['./model/', { cache: 'no' }],
          ['./model/', { onnxRuntime: 5 }],
          ['./model/', { onnxRuntime: 'http://' }],
          ['./model/', { integrity: 'md5-x' }],
        ];
        const told = ({ name, message }: Error) => `${name}: ${message.split(/[:']/)[0]!.trim()}`;
        return Promise.all(wrong.map((args) => load(...args).then(() => 'loaded', told)));
      });
      expect(messages).toEqual([
        'TypeError: address',
        'TypeError: options',
        'TypeError: device',
        'TypeError: onProgress',
        'TypeError: signal',
        'TypeError: cache',
        'TypeError: onnxRuntime',
        'RangeError: onnxRuntime',
        'RangeError: integrity',
      ]);
      expect(tab.workers()).toEqual([]);
    });
  });

  test('falls back from WebGPU to WebAssembly where there is no GPU, and says so', async () => {
    await withPage(browser, withBundle(page, bundle), async (tab) => {
      const device = await tab.evaluate(async () => {
        const model = await unroll.loadLanguageModel('./model/', { device: unroll.webgpu });
        await model.dispose();
        return model.device;
      });
      expect(device).toEqual({ name: 'wasm', runtime: 'unroll', fallbackReason: expect.stringContaining('GPU') });
    });
  });
});

test('a page is built without the WebAssembly of devices that it does not import, and without the model’s code', async () => {
  const files = await builtPage(pages.plain);
  const names = [...files.keys()];
  expect(names.filter((name) => /jspi|jsep|asyncify/.test(name))).toEqual([]);
  const [main] = names.filter((name) => /^assets\/index.*\.js$/.test(name));
  const text = new TextDecoder().decode(files.get(main!));
  expect(text).not.toMatch(/onnx\.ModelProto|DynamicQuantizeMatMul|["'`]node:/);
  expect(files.get(main!)!.length).toBeLessThan(16_000);
});
