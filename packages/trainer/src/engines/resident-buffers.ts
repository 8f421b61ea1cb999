/** Residents in main memory: a buffer for each value, and a spare one if a run cannot overwrite it. */
import { Tensor } from 'onnxruntime-node';
import type { Residents, ResidentValues } from './engine.js';

/** Each resident's current tensor, and the spare one that the next run writes. */
export class BufferPairs implements Residents {
  readonly #pairs: Map<string, { current: Tensor; spare: Tensor | undefined }>;

  constructor(values: Readonly<Record<string, ResidentValues>>) {
    this.#pairs = new Map(
      Object.entries(values).map(([name, { shape, values }]) => [
        name,
        { current: new Tensor('float32', values, shape), spare: undefined },
      ]),
    );
  }

  get names(): readonly string[] {
    return [...this.#pairs.keys()];
  }

  async read(name: string): Promise<Float32Array> {
    return this.current(name).data as Float32Array;
  }

  write(name: string, values: Float32Array): void {
    const live = this.current(name).data as Float32Array;
    if (live !== values) live.set(values);
  }

  clear(): void {
    for (const { current } of this.#pairs.values()) (current.data as Float32Array).fill(0);
  }

  dispose(): void {
    this.#pairs.clear();
  }

  current(name: string): Tensor {
    return this.#pair(name).current;
  }

  spare(name: string): Tensor {
    const pair = this.#pair(name);
    pair.spare ??= new Tensor('float32', new Float32Array(pair.current.size), pair.current.dims);
    return pair.spare;
  }

  swap(name: string): void {
    const pair = this.#pair(name);
    const written = this.spare(name);
    pair.spare = pair.current;
    pair.current = written;
  }

  #pair(name: string) {
    const pair = this.#pairs.get(name);
    if (!pair) throw new Error(`no resident tensor '${name}'`);
    return pair;
  }
}
