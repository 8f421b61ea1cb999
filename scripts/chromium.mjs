// Finds a Chromium for tests in a real browser: CHROMIUM_PATH, then the system's, then one that it installs (with apt
// as root on Debian and its derivatives, else Playwright's own download). Run as a program, it prints the path;
// progress goes to stderr:
//   node scripts/chromium.mjs
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge', 'chrome'];
const installedElsewhere = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** The path of a Chromium on this machine; undefined if there is none. */
export async function findChromium() {
  const { chromium } = await import('playwright-core');
  const candidates = [
    process.env.CHROMIUM_PATH,
    programOnPath(names),
    ...installedElsewhere,
    chromium.executablePath(),
  ];
  return candidates.find(isExecutable);
}

/** The path of the first of these programs that is on PATH; undefined if none is. */
export function programOnPath(names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

/** The path of a Chromium, which is installed first if necessary; undefined if that fails. */
export async function ensureChromium() {
  const found = await findChromium();
  if (found) {
    console.error(`chromium: using ${found}`);
    return found;
  }
  const installers = [installWithApt, installWithPlaywright];
  for (const install of installers) {
    if (!install()) continue;
    const installed = await findChromium();
    if (installed) return installed;
  }
  console.error('chromium: none found and none could be installed; set CHROMIUM_PATH to run the browser tests');
  return undefined;
}

function installWithApt() {
  if (process.getuid?.() !== 0 || !isExecutable('/usr/bin/apt-get')) return false;
  console.error('chromium: none found; installing it with apt-get');
  return run('apt-get', 'update') && run('apt-get', 'install', '-y', '--no-install-recommends', 'chromium');
}

function installWithPlaywright() {
  console.error("chromium: none found; downloading Playwright's");
  return run('npx', 'playwright-core', 'install', 'chromium');
}

/** Runs a command with its output on our stderr. Returns whether it succeeded. */
function run(command, ...args) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2] }).status === 0;
}

function isExecutable(path) {
  if (!path) return false;
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = await ensureChromium();
  if (!path) process.exit(1);
  console.log(path);
}
