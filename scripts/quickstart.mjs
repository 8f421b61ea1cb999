// The main job from end to end, `npm run quickstart`. It installs and builds what is missing and trains on the embedded
// corpus with real worker and server processes. Then it evaluates, exports a quantized bundle, and lets the bundle
// write in Node and in a headless browser. All its output is in runs/quickstart.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installDependencies } from './install.mjs';
import { capture, installed, root, run, seconds, stage } from './stages.mjs';

const folder = 'runs/quickstart';
const checkpoint = `${folder}/checkpoint`;
const bundle = `${folder}/bundle`;
const prompt = 'the dogs that';

/** Runs the `unroll` command as a user would, with visible progress, and returns its result. */
async function unroll(...args) {
  console.log(`$ unroll ${args.map((arg) => (arg.includes(' ') ? `"${arg}"` : arg)).join(' ')}`);
  return JSON.parse(await capture(process.execPath, [join(root, 'packages/trainer/bin/unroll.js'), ...args, '--json']));
}

await installDependencies();
await stage('Build the packages', async () => {
  if (!(await run(installed('nx'), ['run-many', '-t', 'build']))) throw new Error('the build failed; see above');
});

const started = performance.now();
await rm(join(root, folder), { recursive: true, force: true });
const training = await stage('Train with 2 workers and a parameter server', () =>
  unroll(
    'train',
    '--data',
    'grammar',
    '--preset',
    'tiny',
    '--epochs',
    '4',
    '--workers',
    '2',
    '--servers',
    '1',
    '--out',
    checkpoint,
  ),
);
const evaluation = await stage('Evaluate on the test text', () =>
  unroll('eval', '--checkpoint', checkpoint, '--data', 'grammar'),
);
const exported = await stage('Export an int8 bundle', () =>
  unroll(
    'export',
    '--checkpoint',
    checkpoint,
    '--out',
    bundle,
    '--quantization',
    'int8',
    '--personalization',
    '--data',
    'grammar',
  ),
);
const written = await stage('Generate in Node', async () => {
  const result = await unroll('generate', '--bundle', bundle, '--prompt', prompt, '--max-tokens', '40');
  console.log(`${prompt}${result.text}`);
  return result;
});
const browser = await stage('Generate in a browser', async () => {
  const { generateInBrowser } = await import('./quickstart-browser.mjs');
  return generateInBrowser(join(root, bundle), join(root, folder, 'page'), prompt);
});
const total = performance.now() - started;

const megabytes = (exported.measured.bytes / 1e6).toFixed(2);
const { lowestPerplexity } = evaluation;
console.log(`
Trained     ${training.steps} steps, ${training.tokensPerSecond} tokens/s, in ${checkpoint}
Perplexity  ${evaluation.perplexity.toFixed(2)} on the test text; no model can be below ${lowestPerplexity.toFixed(2)}
Bundle      ${megabytes} MB, int8, perplexity ${exported.measured.perplexity.toFixed(2)} (float32: ${exported.measured.float32Perplexity.toFixed(2)}), in ${bundle}
Node        ${Math.round(written.tokensPerSecond)} tokens/s
Browser     ${browser ? `${browser.speed}, ${browser.version}` : 'skipped: no Chromium, and none could be installed; set CHROMIUM_PATH'}
Time        ${seconds(total)} after installation and build

Next: open the page         npx vite preview --outDir ${folder}/page
      train on your text    npx unroll train --data my-text.txt --out runs/mine
      read                  docs/training.md, docs/distributed.md, docs/deployment.md`);
