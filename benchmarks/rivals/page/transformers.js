// transformers.js in WebAssembly on one thread, with the ONNX Runtime Web build that it chooses in Chromium.
import { AutoModelForCausalLM, AutoTokenizer, env, Tensor } from '@huggingface/transformers';

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.backends.onnx.wasm.numThreads = 1;
const runtime = new URL('./ort/ort-wasm-simd-threaded.asyncify', document.baseURI).href;
env.backends.onnx.wasm.wasmPaths = { mjs: `${runtime}.mjs`, wasm: `${runtime}.wasm` };

export async function load(base, first) {
  env.localModelPath = new URL('.', document.baseURI).pathname;
  const name = base.replaceAll(/^\.\/|\/$/g, '');
  await AutoTokenizer.from_pretrained(name);
  const model = await AutoModelForCausalLM.from_pretrained(name, { dtype: 'fp32', device: 'wasm' });
  return async (count) => {
    const inputs = new Tensor('int64', [BigInt(first)], [1, 1]);
    const attention_mask = new Tensor('int64', [1n], [1, 1]);
    const output = await model.generate({ inputs, attention_mask, do_sample: false, max_new_tokens: count });
    return Array.from(output.data, Number).slice(1);
  };
}
