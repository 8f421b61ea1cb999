// A page with one engine and one model, as its address names them: `?engine=…&model=…&first=…`. It imports and fetches what a
// page of that engine alone would, writes a first token, and leaves a function that writes tokens to run.mjs.
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
/** Greedy ids: `count` that follow the id `first`. */
const write = await load(`./${model}/`, Number(first));
await write(1);
performance.mark('first-token');

globalThis.rival = {
  write,
  /** Tokens per second of texts of `count` tokens, as many as fit into `milliseconds`, but one at least. */
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
