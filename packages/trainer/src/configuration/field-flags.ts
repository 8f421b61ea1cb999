/** The flag that sets each field of a training configuration. */

/**
 * The flag of `unroll train` that sets each field. Fields that several flags describe together, such as `optimizer`,
 * are not listed.
 */
export const flagsOfFields = {
  'model.cell': '--cell',
  'model.layers': '--layers',
  'model.embeddingDim': '--embedding',
  'model.hiddenDim': '--hidden',
  'model.projectionDim': '--projection',
  'model.dropout': '--dropout',
  'model.variationalDropout': '--variational-dropout',
  'model.embeddingDropout': '--embedding-dropout',
  'model.weightDropout': '--weight-dropout',
  'model.labelSmoothing': '--label-smoothing',
  'model.tieWeights': '--tie-weights',
  'model.softmax': '--softmax',
  tokenizer: '--tokenizer',
  vocabulary: '--vocabulary',
  batchSize: '--batch-size',
  sequenceLength: '--sequence-length',
  learningRate: '--learning-rate',
  clipNorm: '--clip-norm',
  warmupSteps: '--warmup-steps',
  accumulate: '--accumulate',
  recomputeEvery: '--recompute-every',
  precision: '--precision',
  gradientCodec: '--gradient-codec',
  tables: '--tables',
  epochs: '--epochs',
  maxSteps: '--max-steps',
  seed: '--seed',
} as const;

/** Returns the flag of a field such as `model.cell`, or undefined if it has none. */
export function flagOf(field: string): string | undefined {
  return (flagsOfFields as Readonly<Record<string, string>>)[field];
}
