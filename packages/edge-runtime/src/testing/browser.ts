/** For tests: pages built by Vite from the packages' sources, and a headless Chromium to open them in. */
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

/** Paths of the examples' folders, and of the page that puts this package into the global `unroll`. */
export const pages = {
  test: fileURLToPath(new URL('./page/', import.meta.url)),
  browser: fileURLToPath(new URL('../../../../examples/browser/', import.meta.url)),
  plain: fileURLToPath(new URL('../../../../examples/plain-page/', import.meta.url)),
  convert: fileURLToPath(new URL('../../../../examples/convert/', import.meta.url)),
  react: fileURLToPath(new URL('../../../../examples/react/', import.meta.url)),
};

export type Files = Map<string, Uint8Array<ArrayBuffer>>;

/** No time limit for actions of a page; the test's own limit ends a hang. */
export const unlimited = 0;

export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox', ...args], timeout: unlimited });
}

/** Opens a tab in a new browser context. */
export async function openTab(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(unlimited);
  return context.newPage();
}

/** Builds the page in `root` with Vite from the packages' sources, with the page's own configuration if it has one. */
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

/** Adds a bundle's files, in `model/`, to a page's files. */
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
