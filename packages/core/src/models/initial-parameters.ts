/** Initial values of parameters. */
import { requireSeed, seededRandom } from '../random/seeded-random.js';
import type { Shapes } from '../tensors/shapes.js';
import { elementCount } from '../tensors/shapes.js';
import { isRwkv7, type LanguageModelConfig, parameterShapes } from './language-model-config.js';
import { initialRwkv7Parameters } from './rwkv7-initial-parameters.js';

/**
 * Draws every parameter of a language model, including biases, uniformly from [−range, range): Zaremba et al. (2014),
 * section 4. An RWKV-7 starts as published instead, whatever the range.
 *
 * @param seed an integer in [0, 2^53)
 * @param range default 1/√hiddenDim
 * @returns the values by name, in the shapes of `parameterShapes`
 * @throws RangeError for any other seed
 */
export function initialParameters(
  config: LanguageModelConfig,
  { seed, range = 1 / Math.sqrt(config.hiddenDim) }: { readonly seed: number; readonly range?: number },
): Record<string, Float32Array<ArrayBuffer>> {
  const shapes = parameterShapes(config);
  if (!isRwkv7(config)) return uniformParameters(shapes, { seed, range });
  requireSeed(seed);
  return initialRwkv7Parameters(config, shapes, (name) => seededRandom(streamSeed(seed, name)));
}

/**
 * Draws parameters of these shapes, including biases, uniformly from [−range, range).
 *
 * A parameter's values depend only on the seed and its own name and shape. So the same layer starts with the same
 * values in models that differ elsewhere.
 *
 * @param seed an integer in [0, 2^53)
 * @param range PyTorch's recurrent networks take 1/√hidden
 * @throws RangeError for any other seed
 */
export function uniformParameters(
  shapes: Shapes,
  { seed, range }: { readonly seed: number; readonly range: number },
): Record<string, Float32Array<ArrayBuffer>> {
  requireSeed(seed);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const random = seededRandom(streamSeed(seed, name));
      return [name, Float32Array.from({ length: elementCount(shape) }, () => (2 * random() - 1) * range)];
    }),
  );
}

/** A different seed for each name: the low word is xor-ed with the name's FNV-1a hash. */
function streamSeed(seed: number, name: string): number {
  const low = (seed ^ fnv1a(name)) >>> 0;
  return Math.floor(seed / 2 ** 32) * 2 ** 32 + low;
}

/** Fowler, Noll and Vo's 32-bit hash of a string's UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
