// Loading under hostile conditions, in a real browser: servers and caches that cannot be trusted, storage that is
// denied or full, frames and policies that forbid something.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Frame, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LoadOptions } from '../index.js';
import {
  builtPage,
  executablePath,
  type Files,
  launchChromium,
  openTab,
  pages,
  unlimited,
  withBundle,
  withPage,
} from '../testing/browser.js';
import { type Answer, sampleBundle, serverBy, serverOf, strictPolicy } from '../testing/sample-bundle.js';

/** The outcome of loading: for a model that works, a word and its own description; otherwise the error. */
interface Outcome {
  readonly word?: string | undefined;
  readonly quantization?: string;
  readonly fallbackReason?: string | undefined;
  readonly storage?: object;
  readonly error?: string;
}

function load(page: Page | Frame, address: string, options: LoadOptions = {}): Promise<Outcome> {
  return page.evaluate(
    async ([address, options]) => {
      try {
        const model = await unroll.loadLanguageModel(address, options);
        const [word] = await model.suggest('the riv');
        await model.dispose();
        const { manifest, device, storage } = model;
        return { word, quantization: manifest.quantization, fallbackReason: device.fallbackReason, storage };
      } catch (error) {
        const { code, message } = error as InstanceType<typeof unroll.BundleError>;
        return { error: `${code}: ${message}` };
      }
    },
    [address, options] as const,
  );
}

const page404 = '<!doctype html><title>Not here</title>';

describe.skipIf(!executablePath)('a model loads, or says why not', () => {
  let browser: Browser;
  let page: Files;
  let bundle: Files;
  let newer: Files;
  beforeAll(async () => {
    browser = await launchChromium();
    page = await builtPage(pages.test);
    bundle = await sampleBundle('int8');
    newer = await sampleBundle('none');
  });
  afterAll(() => browser.close());

  /** Opens the page under a policy, alone or in a sandboxed frame, and loads the bundle beside it. */
  const loadUnder = async (policy: string, address = './model/', sandbox = false): Promise<Outcome> => {
    const frame = new TextEncoder().encode('<iframe sandbox="allow-scripts" src="index.html"></iframe>');
    await using server = await serverOf(withBundle(page, bundle).set('frame.html', frame), policy);
    const tab = await openTab(browser);
    await tab.goto(`${server.url}${sandbox ? 'frame' : 'index'}.html`);
    const outcome = await load(tab.frames().at(-1)!, address);
    await tab.close();
    return outcome;
  };

  test('the stored bundle replaces a server that fails, under every form of its address', async () => {
    let failure: Answer | undefined;
    await using server = await serverBy(
      ({ pathname }) => failure ?? { body: bundle.get(pathname.replace('/model/', '')) },
    );
    await withPage(browser, page, async (tab) => {
      expect(await load(tab, `${server.url}model?signature=1`)).toMatchObject({ word: 'river', storage: {} });
      const failures: [Answer, string][] = [
        [{ status: 404 }, 'not found (HTTP 404)'],
        [{ status: 403, body: '<?xml version="1.0"?><Error/>' }, 'refused (HTTP 403)'],
        [{ status: 503 }, 'HTTP status 503'],
        [{ status: 429 }, 'too many requests (HTTP 429); wait, and load it again'],
        [{ status: 204 }, 'the answer is empty (HTTP 204); check the server'],
        [{ body: '' }, 'is empty; is this the address'],
        [{ body: '{"error":"not found"}' }, "is not a bundle's manifest; is this the address"],
        [{ headers: { 'content-type': 'text/html' }, body: page404 }, 'the answer is a web page'],
        [{ body: '{}' }, "is not a bundle's manifest"],
      ];
      for (const [answer, reason] of failures) {
        failure = answer;
        const kept = await load(tab, `${server.url}./model//?signature=${reason.length}#top`);
        const serverFailure = expect.stringContaining(`/model/manifest.json: ${reason}`);
        expect(kept).toMatchObject({ word: 'river', storage: { serverFailure } });
        expect((await load(tab, `${server.url}mistyped/`)).error).toContain(`/mistyped/manifest.json: ${reason}`);
      }
    });
  });

  test('the stored bundle is used while a new one lacks a file', async () => {
    let files = bundle;
    await using server = await serverBy(({ pathname }) => {
      const body = files.get(pathname.slice(1));
      return body ? { body } : { headers: { 'content-type': 'text/html' }, body: page404 };
    });
    await withPage(browser, page, async (tab) => {
      await load(tab, server.url);
      files = new Map(newer);
      files.delete('model.onnx');
      const kept = await load(tab, server.url);
      expect(kept).toMatchObject({ word: 'river', quantization: 'int8' });
      expect(kept.storage).toEqual({ serverFailure: expect.stringContaining('model.onnx: the answer is a web page') });
      files = newer;
      expect(await load(tab, server.url)).toMatchObject({ quantization: 'none', storage: {} });
    });
  });

  test.each([
    ['keep everything for an hour', () => ({ 'cache-control': 'public, max-age=3600' })],
    [
      'ask again for the manifest only',
      (file: string) => ({ 'cache-control': file === 'manifest.json' ? 'no-cache' : 'public, max-age=3600' }),
    ],
    ['say how old files are', () => ({ 'last-modified': new Date(Date.now() - 30 * 864e5).toUTCString() })],
  ])('a redeployed bundle is noticed, whether or not it is kept, under headers that %s', async (_, headersOf) => {
    let files = bundle;
    await using server = await serverBy(({ pathname }) => {
      const file = pathname.split('/').at(-1)!;
      return { body: files.get(file), headers: headersOf(file) };
    });
    await withPage(browser, page, async (tab) => {
      for (const cache of [true, false]) {
        const address = `${server.url}${cache}/`;
        files = bundle;
        expect(await load(tab, address, { cache })).toMatchObject({ word: 'river', quantization: 'int8' });
        files = newer;
        const redeployed = await load(tab, address, { cache });
        expect(redeployed).toMatchObject({ word: 'river', quantization: 'none' });
        expect(redeployed.storage).toEqual(cache ? {} : { bundleNotKept: 'it was loaded with cache: false' });
      }
    });
  });

  test('a bundle replaced between its manifest and its files is loaded in its new version', async () => {
    const requested: string[] = [];
    await using server = await serverBy(({ pathname }) => {
      requested.push(pathname);
      return { body: (requested.length === 1 ? bundle : newer).get(pathname.slice(1)) };
    });
    await withPage(browser, page, async (tab) => {
      expect(await load(tab, server.url)).toMatchObject({ word: 'river', quantization: 'none', storage: {} });
    });
  });

  const denied = expect.stringMatching(/^the browser denies storage to this page/);

  test('storage: it works in a sandboxed frame, in the thread of the page, and says so', async () => {
    const outcome = await loadUnder(`${strictPolicy}; frame-src 'self'`, './model/', true);
    expect(outcome).toMatchObject({ word: 'river', storage: { bundleNotKept: denied, learningNotKept: denied } });
    expect(outcome.fallbackReason).toMatch(/^the page may not start a worker/);
  });

  test('storage: it works where site data is blocked, and says so', async () => {
    const profile = await mkdtemp(join(tmpdir(), 'unroll-profile-'));
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
    await mkdir(join(profile, 'Default'));
    await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(preferences));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: executablePath!,
      args: ['--no-sandbox'],
      timeout: unlimited,
    });
    context.setDefaultTimeout(unlimited);
    await using server = await serverOf(withBundle(page, bundle));
    const tab = await context.newPage();
    await tab.goto(`${server.url}index.html`);
    const { word, storage } = await load(tab, './model/');
    await context.close();
    await rm(profile, { recursive: true, force: true });
    expect(word).toBe('river');
    expect(storage).toEqual({ bundleNotKept: denied, learningNotKept: expect.stringContaining('denied permission') });
  });

  test('storage: it works without room, says so, and leaves nothing behind', async () => {
    await withPage(browser, withBundle(page, bundle), async (tab, { url }) => {
      const session = await tab.context().newCDPSession(tab);
      await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(url).origin, quotaSize: 10_000 });
      const { word, storage } = await load(tab, './model/');
      expect(word).toBe('river');
      expect(storage).toEqual({ bundleNotKept: "the browser's storage is full" });
      const kept = await tab.evaluate(async () => (await (await caches.open('unroll-bundles-1')).keys()).length);
      expect(kept).toBe(0);
    });
  });

  // No current Chromium leaves storage unanswered; some versions of Safari do.
  test('storage: it works where the browser never answers, and says so', async () => {
    await withPage(browser, withBundle(page, bundle), async (tab) => {
      const [word, storage] = await tab.evaluate(async () => {
        CacheStorage.prototype.open = () => new Promise(() => {});
        IDBFactory.prototype.open = () => new EventTarget() as IDBOpenDBRequest;
        const model = await unroll.loadLocalLanguageModel('./model/');
        return [await model.suggest('the riv'), model.storage];
      });
      const silent = "the browser's storage does not answer";
      expect(word).toEqual(['river']);
      expect(storage).toEqual({ bundleNotKept: silent, learningNotKept: silent });
    });
  });

  test('policies: with trusted types it works, in the thread of the page, and says so', async () => {
    const policy = `${strictPolicy}; require-trusted-types-for 'script'; trusted-types 'none'`;
    const outcome = await loadUnder(policy);
    expect(outcome).toMatchObject({ word: 'river', storage: {} });
    expect(outcome.fallbackReason).toMatch(/^the page may not start a worker/);
  });

  test.each([
    ["script-src 'self'; worker-src 'self'", /^wasm-unavailable: .*add 'wasm-unsafe-eval' to script-src$/],
    [
      "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'",
      /^worker-failed: .*wasm-worker.*: allow worker-src 'self'$/,
    ],
    [
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
      /^unreachable: .*\/model\/manifest\.json: cannot be fetched; .*allow 'self' in connect-src$/,
    ],
  ])('policies: under %s, the error says what to allow', async (policy, message) => {
    expect((await loadUnder(policy)).error).toMatch(message);
  });

  test('errors tell a policy, CORS, a server that is down, and no connection from one another', async () => {
    await using other = await serverBy(() => ({ headers: { 'access-control-allow-origin': 'https://example.org' } }));
    const selfOnly = strictPolicy.replace('connect-src *', "connect-src 'self'");
    expect((await loadUnder(selfOnly, other.url)).error).toMatch(
      new RegExp(`allow ${new URL(other.url).origin} in connect-src$`),
    );
    expect((await loadUnder(strictPolicy, other.url)).error).toMatch(/send the header access-control-allow-origin/);
    expect((await loadUnder(strictPolicy, 'ftp://example.org/model/')).error).toMatch(/from ftp: addresses here/);
    const down = await serverBy(() => ({}));
    await down[Symbol.asyncDispose]();
    expect((await loadUnder(strictPolicy, down.url)).error).toMatch(/does not answer; check the connection/);
    expect((await loadUnder(strictPolicy, 'file:///model/')).error).toMatch(/fetch nothing from file: addresses/);
    await using redirecting = await serverBy(() => ({
      status: 302,
      headers: { location: `${down.url}manifest.json` },
    }));
    expect((await loadUnder(strictPolicy, redirecting.url)).error).toMatch(/it redirects to an address that does not/);
    await withPage(browser, page, async (tab) => {
      await tab.context().setOffline(true);
      expect((await load(tab, './model/')).error).toMatch(/this device is offline/);
    });
  });
});
