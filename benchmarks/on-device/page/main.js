// The functions that run.mjs calls in the page: load a bundle into the page's own thread, generate greedily, and score,
// with Unroll's decoder or with ONNX Runtime Web on one thread.
import { loadLocalLanguageModel } from '@unroll/edge-runtime';
import * as ort from 'onnxruntime-web/wasm';

ort.env.wasm.numThreads = 1;
const models = new Map();

globalThis.benchmark = {
  async load(name, engine) {
    const start = performance.now();
    const options = engine === 'onnxruntime-web' ? { ort, cache: false } : { cache: false };
    models.set(`${engine} ${name}`, await loadLocalLanguageModel(`./${name}/`, options));
    return performance.now() - start;
  },

  /** Returns tokens per second of greedy text. */
  async generate(name, engine, tokens) {
    const model = models.get(`${engine} ${name}`);
    const start = performance.now();
    let count = 0;
    for await (const _ of model.generate('the', { temperature: 0, maxTokens: tokens })) count++;
    return (1000 * count) / (performance.now() - start);
  },

  /** Returns tokens per second, and the perplexity of the text. */
  async score(name, engine, text, tokens) {
    const model = models.get(`${engine} ${name}`);
    const ids = model.tokenizer.encode(text).slice(0, tokens);
    const start = performance.now();
    const { perplexity } = await model.scoreIds(ids);
    return { perplexity, tokensPerSecond: (1000 * ids.length) / (performance.now() - start) };
  },
};
