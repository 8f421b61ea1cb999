/** For tests: shapes and seeded random weights of small GPT-2s and BERTs. */
import { seededRandom } from '@unroll/core/decoding';

/** The shape of a transformer. GPT-2 normalizes before each sublayer, BERT after it. */
export interface TransformerShape {
  readonly kind: 'gpt2' | 'bert';
  readonly vocabSize: number;
  readonly positions: number;
  readonly dim: number;
  readonly heads: number;
  readonly layers: number;
}

/** A matrix [rows, columns] or, with one row, a vector. */
export interface Weight {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/**
 * Weights by name: `token`, `position`, BERT's `segment`, `final.*`, and those of each layer with the prefix `0.`, `1.`
 * and so on.
 */
export type TransformerWeights = Readonly<Record<string, Weight>>;

export function randomWeights({ kind, vocabSize, positions, dim, layers }: TransformerShape): TransformerWeights {
  const random = seededRandom(5);
  const weight = (rows: number, columns: number, { centre = 0, width = 1 } = {}): Weight => ({
    rows,
    columns,
    values: Float32Array.from({ length: rows * columns }, () => centre + width * (random() - 0.5)),
  });
  const norm = (name: string) => ({
    [`${name}.scale`]: weight(1, dim, { centre: 1 }),
    [`${name}.bias`]: weight(1, dim),
  });
  const linear = (name: string, rows: number, columns: number) => ({
    [`${name}.kernel`]: weight(rows, columns),
    [`${name}.bias`]: weight(1, columns),
  });
  const layer = (i: number) => ({
    ...norm(`${i}.norm1`),
    ...linear(`${i}.qkv`, dim, 3 * dim),
    ...linear(`${i}.out`, dim, dim),
    ...norm(`${i}.norm2`),
    ...linear(`${i}.up`, dim, 4 * dim),
    ...linear(`${i}.down`, 4 * dim, dim),
  });
  return {
    token: weight(vocabSize, dim),
    // Wide, so that each position has another likeliest token.
    position: weight(positions, dim, { width: 8 }),
    ...(kind === 'bert' && { segment: weight(2, dim) }),
    ...Object.assign({}, ...Array.from({ length: layers }, (_, i) => layer(i))),
    ...norm('final'),
  };
}
