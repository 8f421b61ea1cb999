/** Shows facts on the page: the model, the device it runs on, and its speed. */
import type { LanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { number, say } from './language.js';

export type Fact = 'model' | 'device' | 'start' | 'latency' | 'speed' | 'scoring-speed' | 'learning-speed' | 'offline';

export function tell(fact: Fact, text: string): void {
  element(fact, HTMLElement).textContent = text;
}

export function describeModel({ manifest, device }: LanguageModel): void {
  const megabytes = manifest.files['model.onnx'].bytes / 1e6;
  const weights = manifest.quantization === 'none' ? 'float32' : manifest.quantization;
  tell('model', `${weights}, ${megabytes.toFixed(1)} MB, ${say.tokens(number(manifest.vocabSize))}`);
  const kernels = device.runtime === 'unroll' ? say.oneThread : 'ONNX Runtime';
  tell('device', `${device.name === 'webgpu' ? 'WebGPU' : 'WebAssembly'}, ${kernels}`);
}

/** The median of the newest `capacity` values. */
export class RecentMedian {
  readonly #values: number[] = [];

  constructor(readonly capacity: number) {}

  /** Adds a value and returns the median. */
  add(value: number): number {
    this.#values.push(value);
    if (this.#values.length > this.capacity) this.#values.shift();
    return this.#values.toSorted((a, b) => a - b)[this.#values.length >> 1]!;
  }
}
