/** The worker of the `wasm` device. */
import { loadOnWasm } from '../loading/on-wasm.js';
import { type Line, serve } from './serve.js';

serve(globalThis as unknown as Line, loadOnWasm);
