/**
 * The sizes of RWKV-7 (Peng et al. 2025, "RWKV-7 Goose with expressive dynamic state evolution", arXiv:2503.14456), its
 * parameters and its state, by name. Parameters have the names of the published files (`blocks.0.att.w1`), but the
 * embedding, the output layer, and matrices of linear layers, which are called `kernel` and are [input, output].
 */
import { requirePositiveInteger } from '../checks/numbers.js';
import { SettingError } from '../checks/setting-error.js';
import type { Shapes } from '../tensors/shapes.js';

/** Sizes of an RWKV-7 besides its width and layers. */
export interface Rwkv7Sizes {
  /** Width of a head, which has a state of as many rows and columns. */
  readonly headSize: number;
  /** Inner widths of the low-rank networks for the decay, the in-context learning rate, the value residual, the gate. */
  readonly decayRank: number;
  readonly rateRank: number;
  readonly valueRank: number;
  readonly gateRank: number;
  /** Width of the channel mixing. */
  readonly feedForwardDim: number;
}

export const rwkv7SizeNames = [
  ...(['headSize', 'decayRank', 'rateRank', 'valueRank', 'gateRank', 'feedForwardDim'] as const),
] as const satisfies readonly (keyof Rwkv7Sizes)[];

export type Rwkv7Config = Rwkv7Sizes & { readonly hiddenDim: number; readonly layers: number };

/**
 * Completes the sizes. Defaults are those of the published models: heads of 64, a channel mixing of four times the
 * width, and ranks that grow with the width's square root, in multiples of 32.
 * @throws SettingError naming the size that is out of range or does not fit another
 */
export function rwkv7Sizes(
  given: { readonly [Name in keyof Rwkv7Sizes]?: number | undefined },
  { embeddingDim, hiddenDim }: { readonly embeddingDim: number; readonly hiddenDim: number },
): Rwkv7Sizes {
  const rank = (factor: number) => Math.max(32, 32 * Math.round((factor * Math.sqrt(hiddenDim)) / 32));
  const sizes: Rwkv7Sizes = {
    headSize: given.headSize ?? 64,
    decayRank: given.decayRank ?? rank(2.5),
    rateRank: given.rateRank ?? rank(2.5),
    valueRank: given.valueRank ?? rank(1.7),
    gateRank: given.gateRank ?? rank(5),
    feedForwardDim: given.feedForwardDim ?? 4 * hiddenDim,
  };
  for (const name of rwkv7SizeNames) requirePositiveInteger(name, sizes[name]);
  if (embeddingDim !== hiddenDim) {
    throw new SettingError(
      (nameOf) =>
        `${nameOf('embeddingDim')} and ${nameOf('hiddenDim')} are one width in an rwkv7, got ${embeddingDim} and ${hiddenDim}; make them equal`,
    );
  }
  if (hiddenDim % sizes.headSize !== 0) {
    throw new SettingError(
      (nameOf) =>
        `${nameOf('hiddenDim')} must be a multiple of ${nameOf('headSize')}, got ${hiddenDim} and ${sizes.headSize}`,
    );
  }
  return sizes;
}

/** The mixtures of a token with the one before it, by what is computed from them. */
export const shiftNames = ['r', 'w', 'k', 'v', 'a', 'g'] as const;

/** The parameters' shapes by name, without the embedding and the output layer. */
export function rwkv7ParameterShapes(config: Rwkv7Config): Shapes {
  const { hiddenDim: width, layers, headSize, feedForwardDim } = config;
  const shapes: Record<string, readonly number[]> = {};
  const norm = (name: string) => {
    shapes[`${name}.weight`] = [width];
    shapes[`${name}.bias`] = [width];
  };
  for (let layer = 0; layer < layers; layer++) {
    const block = `blocks.${layer}`;
    if (layer === 0) norm(`${block}.ln0`);
    norm(`${block}.ln1`);
    norm(`${block}.ln2`);
    const att = `${block}.att`;
    for (const name of shiftNames) shapes[`${att}.x_${name}`] = [width];
    const ranks = { w: config.decayRank, a: config.rateRank, ...(layer > 0 && { v: config.valueRank }) };
    for (const [name, rank] of Object.entries(ranks)) {
      shapes[`${att}.${name}0`] = [width];
      shapes[`${att}.${name}1`] = [width, rank];
      shapes[`${att}.${name}2`] = [rank, width];
    }
    shapes[`${att}.g1`] = [width, config.gateRank];
    shapes[`${att}.g2`] = [config.gateRank, width];
    shapes[`${att}.k_k`] = [width];
    shapes[`${att}.k_a`] = [width];
    shapes[`${att}.r_k`] = [width / headSize, headSize];
    for (const name of ['receptance', 'key', 'value', 'output']) shapes[`${att}.${name}.kernel`] = [width, width];
    norm(`${att}.ln_x`);
    shapes[`${block}.ffn.x_k`] = [width];
    shapes[`${block}.ffn.key.kernel`] = [width, feedForwardDim];
    shapes[`${block}.ffn.value.kernel`] = [feedForwardDim, width];
  }
  norm('ln_out');
  return shapes;
}

/**
 * The state's shapes by name. For each layer: the normalised inputs of the time mixing and of the channel mixing at the
 * last token, and S of all heads, a row of which belongs to an element of a value.
 */
export function rwkv7StateShapes({ hiddenDim, layers, headSize }: Rwkv7Config, batch: number): Shapes {
  return Object.fromEntries(
    Array.from({ length: layers }, (_, layer) => [
      [`att.x.${layer}`, [batch, hiddenDim]],
      [`att.S.${layer}`, [batch, hiddenDim * headSize]],
      [`ffn.x.${layer}`, [batch, hiddenDim]],
    ]).flat(),
  );
}
