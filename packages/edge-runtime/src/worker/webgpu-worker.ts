/** The worker of the `webgpu` device. */
import { startWebGpu } from '../loading/start-webgpu.js';
import { type Line, serve } from './serve.js';

serve(globalThis as unknown as Line, startWebGpu);
