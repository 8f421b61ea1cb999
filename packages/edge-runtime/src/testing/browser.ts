/** Pages built by Vite from the packages' sources, and a headless Chromium to open them in, for tests. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { build, defaultClientConditions } from 'vite';
import { expect } from 'vitest';
import { findChromium } from '../../../../scripts/chromium.mjs';
import { filesOf, folderOf, serverOf } from './sample-bundle.js';

export const executablePath = await findChromium();
if (!executablePath) console.warn('browser tests skipped: no Chromium here; run: node scripts/chromium.mjs');

/** The path of an example's folder, or of the page that puts this package into the global `unroll`. */
export const pages = {
  test: fileURLToPath(new URL('./page/', import.meta.url)),
  browser: fileURLToPath(new URL('../../../../examples/browser/', import.meta.url)),
  plain: fileURLToPath(new URL('../../../../examples/plain-page/', import.meta.url)),
  react: fileURLToPath(new URL('../../../../examples/react/', import.meta.url)),
};

export type Files = Map<string, Uint8Array<ArrayBuffer>>;

/** Nothing that a page does has a limit of its own: the test's ends what hangs. */
export const unlimited = 0;

export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox', ...args], timeout: unlimited });
}

/** A tab of a new browser context. */
export async function openTab(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(unlimited);
  return context.newPage();
}

/** The page in `root` as Vite builds it, by the page's own configuration if it has one, from the packages' sources. */
export async function builtPage(root: string): Promise<Files> {
  await using folder = await folderOf(new Map());
  await build({
    root,
    configFile: existsSync(join(root, 'vite.config.ts')) ? join(root, 'vite.config.ts') : false,
    logLevel: 'warn',
    base: './',
    resolve: { conditions: ['@unroll/source', ...defaultClientConditions] },
    build: { outDir: folder.path, emptyOutDir: true, target: 'es2022' },
  });
  return await filesOf(folder.path);
}

/** A page's files with a bundle's in `model/`. */
export function withBundle(page: Files, bundle: Files): Files {
  return new Map([...page, ...Array.from(bundle, ([name, bytes]) => [`model/${name}`, bytes] as const)]);
}

/** Serves `files`, opens their index.html in a new tab, and fails on any error that the page reports. */
export async function withPage(
  browser: Browser,
  files: Files,
  use: (page: Page, server: Awaited<ReturnType<typeof serverOf>>) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  await using server = await serverOf(files);
  const page = await openTab(browser, options);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(`${server.url}index.html`);
  await use(page, server);
  await page.context().close();
  expect(errors).toEqual([]);
}
