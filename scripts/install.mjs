// Installs the dependencies if they are missing or differ from package-lock.json. Uses only Node's own modules.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, stage } from './stages.mjs';

/**
 * Installs the dependencies.
 * @throws Error if npm cannot install them
 */
export async function installDependencies() {
  if (isInstalled()) return;
  await stage('Install dependencies (npm ci)', async () => {
    if (!(await run('npm', ['ci']))) throw new Error('npm ci failed; see its messages above');
  });
}

/** Whether node_modules matches the lockfile. Optional packages may be missing, because they depend on the machine. */
function isInstalled() {
  const wanted = lockedPackages('package-lock.json');
  const present = lockedPackages('node_modules/.package-lock.json');
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      !path.startsWith('node_modules/') || optional || link || present[path]?.version === version,
  );
}

function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  } catch {
    return {};
  }
}
