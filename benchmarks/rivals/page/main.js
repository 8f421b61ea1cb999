// A page with one engine and one model, named in its address: `?engine=…&model=…&first=…`. It imports and fetches the
// same as a page of that engine alone, generates a first token, and leaves a function that generates tokens to run.mjs.
const engines = {
  unroll: () => import('./unroll.js'),
  'unroll-gpt2': () => import('./unroll-gpt2.js'),
  'onnxruntime-web': () => import('./onnxruntime-web.js'),
  'tensorflow-wasm': () => import('./tensorflow-wasm.js'),
  'tensorflow-cpu': () => import('./tensorflow-cpu.js'),
  'unroll-layers': () => import('./unroll-layers.js'),
  transformers: () => import('./transformers.js'),
};

const { engine, model, first } = Object.fromEntries(new URLSearchParams(location.search));
const { load } = await engines[engine]();
/** Returns `count` greedy ids that follow the id `first`. */
const write = await load(`./${model}/`, Number(first));
await write(1);
performance.mark('first-token');

globalThis.rival = {
  write,
  /** Returns tokens per second of texts of `count` tokens, as many as fit into `milliseconds`, but at least one. */
  async speed(count, milliseconds) {
    const start = performance.now();
    let [tokens, elapsed] = [0, 0];
    while (elapsed < milliseconds) {
      tokens += (await write(count)).length;
      elapsed = performance.now() - start;
    }
    return (1000 * tokens) / elapsed;
  },
};
