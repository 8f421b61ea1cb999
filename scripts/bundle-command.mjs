// Joins the modules of the `unroll` command into a few files, dist/command/, because Node takes most of a short
// command's time to find and read modules one by one:
//   node scripts/bundle-command.mjs
// Only our own packages are joined. What others publish is loaded from where it is installed, so that a process has one
// copy of TensorFlow.js, and licences stay with their files.
import { rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages');
const trainer = join(packages, 'trainer', 'dist');
const outputFolder = join(trainer, 'command');

/** Lets a joined module find the files beside the module that it was made of. */
const urlsOfModules = {
  name: 'urls-of-modules',
  transform(code, id) {
    if (!code.includes('import.meta.url')) return null;
    const [name, ...path] = relative(packages, id).split(sep);
    const manifest = `commandRequire.resolve('@unroll/${name}/package.json')`;
    const url = `new URL('${path.join('/')}', commandRequire('node:url').pathToFileURL(${manifest})).href`;
    return { code: code.replaceAll('import.meta.url', url), map: null };
  },
};

const interop = 'var __toESM = (mod, isNodeMode, target) => (';

/** Gives the default export of an installed ES module, as import would, where the joined file requires the module. */
const defaultsOfModules = {
  name: 'defaults-of-modules',
  renderChunk: (code) => code.replaceAll(interop, `${interop}isNodeMode &&= mod?.[Symbol.toStringTag] !== 'Module', `),
};

await rm(outputFolder, { recursive: true, force: true });
const bundle = await rolldown({
  input: { main: join(trainer, 'cli.js') },
  platform: 'node',
  external: (id) => !/^[./#]|^@unroll\//.test(id),
  plugins: [urlsOfModules, defaultsOfModules],
});
// CommonJS, which Node reads in half the time of modules.
await bundle.write({
  dir: outputFolder,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  // Modules may have a \`require\` of their own.
  intro: 'const commandRequire = require;',
});
