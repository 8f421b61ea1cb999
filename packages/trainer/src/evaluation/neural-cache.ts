/**
 * The neural cache over a text that is evaluated window by window. It keeps the features of the last tokens on the
 * engine, and mixes the cache's predictions into the model's losses. Core's `neural-cache.ts` has the formulas.
 */
import { lossWithCache, neuralCacheProgram, noFollower } from '@unroll/core/internal';
import { type Engine, type Executable, type Residents, zeros } from '../engines/engine.js';
import type { CacheSettings } from './adaptation.js';

export class NeuralCache implements AsyncDisposable {
  readonly #executable: Executable;
  readonly #cached: Residents;
  readonly #settings: CacheSettings;
  /** The token that follows each of the cached features, then of the window's. */
  readonly #followers: Int32Array;
  #tokens = 0;

  private constructor(executable: Executable, cached: Residents, settings: CacheSettings, window: number) {
    this.#executable = executable;
    this.#cached = cached;
    this.#settings = settings;
    this.#followers = new Int32Array(settings.size + window);
  }

  /**
   * Creates a cache.
   * @param width the width of the features
   * @param window number of tokens in one run; the cache's predictions do not depend on it
   */
  static async create(engine: Engine, settings: CacheSettings, width: number, window: number): Promise<NeuralCache> {
    const { size, theta } = settings;
    const cached = engine.allocate(zeros({ cachedFeatures: [size, width] }));
    const executable = await engine.compile(neuralCacheProgram({ size, width, time: window }, theta), [cached]);
    return new NeuralCache(executable, cached, settings, window);
  }

  /** Empties the cache at the beginning of a text. */
  async clear(): Promise<void> {
    this.#cached.clear();
    this.#followers.fill(noFollower);
    this.#tokens = 0;
  }

  /**
   * Returns the losses of a window's tokens with the cache, in nats, then adds the window to the cache.
   * @param losses the losses of the model alone; shorter than a window only at the end of the text
   * @param features [window, width]
   * @param targets the tokens
   */
  async mix(losses: Float32Array, features: Float32Array, targets: Int32Array): Promise<Float64Array> {
    const { size, lambda } = this.#settings;
    const followers = this.#followers;
    followers.fill(noFollower, size).set(targets, size);
    const { cacheProbabilities } = await this.#executable.run({ features, followers });
    followers.copyWithin(0, followers.length - size);
    const first = this.#tokens;
    this.#tokens += losses.length;
    // At the text's first token, the cache is empty: the loss is that of the model alone.
    return Float64Array.from(losses, (loss, k) =>
      first + k === 0 ? loss : lossWithCache(loss, cacheProbabilities![k]!, lambda),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executable.dispose();
    this.#cached.dispose();
  }
}
