/**
 * The masks of all kinds of dropout that a language model may be trained with. They are inputs of the training step;
 * `language-model-forward.ts` multiplies them in, and `random/dropout-mask.ts` draws their elements.
 *
 * - `dropout.k`: units of the embedding and of each layer's output. Drawn anew at each step (Zaremba et al. 2014) or,
 *   with variational dropout, once for the whole sequence (Gal and Ghahramani 2016, arXiv:1512.05287);
 * - `tokenDropout`: all occurrences of some words in a batch (Gal and Ghahramani 2016, section 4.2; Merity et al. 2018,
 *   section 4.3);
 * - `weightDropout.k`: elements of the layers' recurrent kernels (DropConnect, Merity et al. 2018, arXiv:1708.02182,
 *   section 2).
 */
import { fillDropoutMask } from '../random/dropout-mask.js';
import type { Shapes } from '../tensors/shapes.js';
import { dropoutWidths, type LanguageModelConfig, parameterShapes } from './language-model-config.js';

/** The shapes of a batch's masks by name, for those kinds of dropout that the configuration has. */
export function dropoutMaskShapes(config: LanguageModelConfig, batch: number, time: number): Shapes {
  const shapes: Record<string, readonly number[]> = {};
  if (config.dropout > 0) {
    const rows = config.variationalDropout ? batch : time * batch;
    for (const [site, width] of dropoutWidths(config).entries()) shapes[`dropout.${site}`] = [rows, width];
  }
  if (config.embeddingDropout) shapes.tokenDropout = [time * batch, 1];
  if (config.weightDropout) {
    const parameters = parameterShapes(config);
    for (let layer = 0; layer < config.layers; layer++) {
      shapes[weightMask(layer)] = parameters[`${config.cell}.${layer}.recurrent_kernel`]!;
    }
  }
  return shapes;
}

/** The name of the mask of a layer's recurrent kernel. */
export const weightMask = (layer: number) => `weightDropout.${layer}`;

/**
 * The batch to draw masks for. The masks depend on nothing else; those of words and weights are the same for all lanes.
 */
export interface MaskedBatch {
  /** [time·lanes], time-major */
  readonly ids: Int32Array;
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /** The training step. */
  readonly step: number;
  /** Position of the batch's first lane among all lanes of the global batch. */
  readonly firstLane: number;
  readonly lanes: number;
  readonly time: number;
}

/** Fills the arrays among `masks` that {@link dropoutMaskShapes} names. */
export function fillDropoutMasks(
  config: LanguageModelConfig,
  masks: Readonly<Record<string, Float32Array | Int32Array>>,
  { ids, ...batch }: MaskedBatch,
): void {
  const shapes = dropoutMaskShapes(config, batch.lanes, batch.time);
  const widths = dropoutWidths(config);
  const whole = { ...batch, firstLane: 0, lanes: 1 };
  for (const [name, [rows = 0, width = 0]] of Object.entries(shapes)) {
    const mask = masks[name] as Float32Array;
    const [kind, place] = name.split('.');
    if (kind === 'dropout') {
      const time = config.variationalDropout ? 1 : batch.time;
      fillDropoutMask(mask, { ...batch, rate: config.dropout, site: Number(place), time, width });
    } else if (kind === 'weightDropout') {
      const site = widths.length + Number(place);
      fillDropoutMask(mask, { ...whole, rate: config.weightDropout!, site, time: rows, width });
    } else {
      fillTokenMask(mask, ids, { ...whole, rate: config.embeddingDropout!, site: widths.length + config.layers });
    }
  }
}

type TokenDraw = Pick<MaskedBatch, 'seed' | 'step'> & { readonly rate: number; readonly site: number };

/** Draws once for each different word in `ids`, so that all its occurrences share the result. */
function fillTokenMask(mask: Float32Array, ids: Int32Array, draw: TokenDraw): void {
  const drawn = new Map<number, number>();
  const one = new Float32Array(1);
  for (const [k, id] of ids.entries()) {
    if (!drawn.has(id)) {
      fillDropoutMask(one, { ...draw, firstLane: id, lanes: 1, time: 1, width: 1 });
      drawn.set(id, one[0]!);
    }
    mask[k] = drawn.get(id)!;
  }
}
