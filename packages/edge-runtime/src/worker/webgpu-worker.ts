/** The worker of the `webgpu` device. */
import { loadOnWebGpu } from '../loading/on-webgpu.js';
import { type Line, serve } from './serve.js';

serve(globalThis as unknown as Line, loadOnWebGpu);
