/**
 * Both workers in one script, which the build turns into text, for pages whose bundler or server delivers no worker.
 */
import { loadOnWasm } from '../loading/on-wasm.js';
import { loadOnWebGpu } from '../loading/on-webgpu.js';
import { type Line, serve } from './serve.js';

/** The worker's name is that of its device. */
const { name } = globalThis as unknown as { readonly name: string };

serve(globalThis as unknown as Line, name === 'webgpu' ? loadOnWebGpu : loadOnWasm);
