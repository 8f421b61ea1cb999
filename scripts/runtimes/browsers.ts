/**
 * Browsers of this machine. Each opens a page that posts its own report, so that one mechanism serves them all.
 * Playwright drives Chromium; Firefox and WebKitGTK's MiniBrowser are started with the page's address and their own
 * profile. They can reach only the loopback address.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { executablePath, launchChromium, openTab } from '../../packages/edge-runtime/src/testing/browser.js';
import { serverOf } from '../../packages/edge-runtime/src/testing/sample-bundle.js';
import { programOnPath } from '../chromium.mjs';
import { killTrees } from '../testing/processes.mjs';
import type { Files } from './bundles.js';
import type { Report, Task } from './project/probe.js';

export interface Browser {
  readonly name: string;
  /** Undefined if this machine does not have the browser. */
  readonly version: string | undefined;
  /** Opens it at `url`; disposal ends it. */
  open(url: string): Promise<AsyncDisposable>;
}

export async function findBrowsers(): Promise<Browser[]> {
  const firefox = programOnPath(['firefox-esr', 'firefox']);
  const miniBrowser = findMiniBrowser();
  return [
    { name: 'Chromium', version: versionOf(executablePath), open: openChromium },
    { name: 'Firefox ESR', version: versionOf(firefox), open: (url) => openFirefox(firefox!, url) },
    { name: 'WebKitGTK', version: await webKitVersion(miniBrowser), open: (url) => openMiniBrowser(miniBrowser!, url) },
  ];
}

/** Serves the page and its task, opens the page, and waits for its report. */
export async function reportOfPage(open: Browser['open'], page: Files, task: Task): Promise<Report> {
  await using reports = await listener();
  const taskJson = new TextEncoder().encode(JSON.stringify({ task, report: reports.url }));
  await using server = await serverOf(new Map(page).set('task.json', taskJson));
  await using _browser = await open(`${server.url}index.html`);
  return JSON.parse(await reports.first) as Report;
}

/** A server that waits for the first request body posted to it. */
async function listener(): Promise<{ url: string; first: Promise<string> } & AsyncDisposable> {
  const server = createServer();
  const first = (async () => {
    const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
    const body = await text(request);
    response.end();
    return body;
  })();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    first,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function openChromium(url: string): Promise<AsyncDisposable> {
  const browser = await launchChromium();
  const page = await openTab(browser);
  await page.goto(url);
  return { [Symbol.asyncDispose]: () => browser.close() };
}

/**
 * Firefox reaches the loopback address without a proxy, and everything else, including updates and telemetry, only
 * through a dead one.
 */
const firefoxPreferences = {
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'browser.shell.checkDefaultBrowser': false,
  'browser.aboutwelcome.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.enabled': false,
};

async function openFirefox(program: string, url: string): Promise<AsyncDisposable> {
  const profile = await mkdtemp(join(tmpdir(), 'unroll-firefox-'));
  const lines = Object.entries(firefoxPreferences).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`,
  );
  await writeFile(join(profile, 'user.js'), lines.join('\n'));
  return started([start(program, ['--headless', '--no-remote', '--profile', profile, url])], profile);
}

async function openMiniBrowser(program: string, url: string): Promise<AsyncDisposable> {
  const home = await mkdtemp(join(tmpdir(), 'unroll-webkit-'));
  const screen = await startScreen();
  const environment = { DISPLAY: screen.display, HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home };
  return started([start(program, [url], environment), screen.process], home);
}

/** Starts an X server without a physical screen. */
async function startScreen(): Promise<{ process: ChildProcess; display: string }> {
  const process = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '800x600x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [display] = (await once(process.stdout.setEncoding('utf8'), 'data')) as [string];
  return { process, display: `:${display.trim()}` };
}

function start(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...environment } });
}

/** Disposal ends these processes and those that they started, and then removes `folder`. */
function started(processes: readonly ChildProcess[], folder?: string): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      for (const child of processes) {
        const ended = once(child, 'exit');
        if (child.exitCode !== null || child.signalCode !== null) continue;
        killTrees([child.pid!]);
        await ended;
      }
      if (folder) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function versionOf(program: string | undefined, environment: NodeJS.ProcessEnv = {}): string | undefined {
  if (!program) return undefined;
  const env = { ...process.env, ...environment };
  return /\d+(\.\d+)+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8', env }))![0];
}

/**
 * MiniBrowser is in the folder of WebKitGTK's processes, which depends on the distribution. It needs an X server, Xvfb.
 */
function findMiniBrowser(): string | undefined {
  if (process.platform !== 'linux' || !programOnPath(['Xvfb'])) return undefined;
  const libraries = [...readdirSync('/usr/lib').map((name) => join('/usr/lib', name)), '/usr/libexec'].filter(
    existsSync,
  );
  return libraries
    .flatMap((folder) => ['webkit2gtk-4.1', 'webkitgtk-6.0'].map((name) => join(folder, name, 'MiniBrowser')))
    .find(existsSync);
}

/** MiniBrowser prints its version only if there is a display. */
async function webKitVersion(miniBrowser: string | undefined): Promise<string | undefined> {
  if (!miniBrowser) return undefined;
  const screen = await startScreen();
  await using _screen = started([screen.process]);
  return versionOf(miniBrowser, { DISPLAY: screen.display });
}
