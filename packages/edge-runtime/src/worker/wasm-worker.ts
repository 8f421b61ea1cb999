/** The worker of the `wasm` device. */
import { startWasm } from '../loading/start-wasm.js';
import { type Line, serve } from './serve.js';

serve(globalThis as unknown as Line, startWasm);
