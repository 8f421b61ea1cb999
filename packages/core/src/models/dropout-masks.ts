/**
 * The masks of all the kinds of dropout that a language model may be trained with. They are inputs of the training step,
 * multiplied in where `language-model-forward.ts` says; `dropout.ts` says how their elements are drawn.
 *
 * - `dropout.k`: units of the embedding and of each layer's output; others at each step (Zaremba et al. 2014), or, variational,
 *   the same ones for the whole sequence (Gal and Ghahramani 2016, arXiv:1512.05287);
 * - `tokenDropout`: all occurrences of some of the words in a batch (the same, section 4.2; Merity et al. 2018, section 4.3);
 * - `weightDropout.k`: elements of the layers' recurrent kernels (DropConnect, Merity et al. 2018, arXiv:1708.02182, section 2).
 */
import { fillDropoutMask } from './dropout.js';
import { dropoutWidths, type LanguageModelConfig, parameterShapes, type Shapes } from './language-model-config.js';

/** The masks of a batch by name, as far as the configuration has that kind of dropout. */
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

/** What the masks are drawn for; they are a function of this alone, those of words and weights the same for all lanes. */
export interface MaskedBatch {
  /** [time·lanes], time-major */
  readonly ids: Int32Array;
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /** The training step. */
  readonly step: number;
  /** The position of the first lane among all of the global batch. */
  readonly firstLane: number;
  readonly lanes: number;
  readonly time: number;
}

/** Fills the arrays among `masks` that have the names of {@link dropoutMaskShapes}. */
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

/** Of every word that occurs in `ids` a draw of its own, the same wherever it stands. */
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
