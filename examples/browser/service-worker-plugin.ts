/** Writes service-worker.js beside the built page: src/service-worker.js, preceded by the list of the page's files. */
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Plugin } from 'vite';

/** Files for models with unusual operators, or for pages that must not start workers. */
const onDemand = /^assets\/(ort|serve-here)/;

export function serviceWorker(): Plugin {
  return {
    name: 'unroll-service-worker',
    apply: 'build',
    async writeBundle({ dir }) {
      const built = await filesIn(dir!);
      const files = built.filter((path) => path !== 'service-worker.js' && !onDemand.test(path)).sort();
      const hash = createHash('sha256');
      for (const path of files) hash.update(path).update(await readFile(join(dir!, path)));
      const version = hash.digest('hex').slice(0, 16);
      const list = ['./', ...files.filter((path) => path !== 'index.html')];
      const source = await readFile(join(import.meta.dirname, 'src/service-worker.js'), 'utf8');
      const head = `const version = ${JSON.stringify(version)};\nconst files = ${JSON.stringify(list)};\n`;
      await writeFile(join(dir!, 'service-worker.js'), head + source);
    },
  };
}

/** The paths of the built files, with slashes. Excludes a bundle that was put beside them. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
  return paths.filter((path) => !path.startsWith('model/'));
}
