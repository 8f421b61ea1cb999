/** The shape of a recurrent language model: its configuration, its parameters and its state, by name. */

export type Cell = 'rnn' | 'lstm' | 'gru';

export interface LanguageModelConfig {
  readonly vocabSize: number;
  readonly embeddingDim: number;
  readonly hiddenDim: number;
  readonly cell: Cell;
  readonly layers: number;
  /** Probability of dropping a unit of the embedding, between layers and before the output; never in the recurrence
   * (Zaremba et al. 2014, eq. 7–8). */
  readonly dropout: number;
  /** The output projection is the transposed embedding (Press and Wolf 2017); needs embeddingDim = hiddenDim. */
  readonly tieWeights: boolean;
  /** A second bias, on the recurrent product, as PyTorch, cuDNN and the code of Zaremba et al. (2014) have it. It adds
   * nothing that one bias cannot say, but doubles how fast the biases learn and what they count in the gradient's norm.
   * A GRU has it always, because its reset gate stands between the two. */
  readonly recurrentBias: boolean;
}

export type Shapes = Readonly<Record<string, readonly number[]>>;

const gates: Record<Cell, number> = { rnn: 1, lstm: 4, gru: 3 };

/**
 * A complete configuration; what is left out is a 1-layer LSTM, no dropout, untied.
 * @throws RangeError naming the field that is out of range
 */
export function languageModelConfig(
  options: Pick<LanguageModelConfig, 'vocabSize' | 'embeddingDim' | 'hiddenDim'> & Partial<LanguageModelConfig>,
): LanguageModelConfig {
  const config = { cell: 'lstm', layers: 1, dropout: 0, tieWeights: false, recurrentBias: false, ...options } as const;
  for (const field of ['vocabSize', 'embeddingDim', 'hiddenDim', 'layers'] as const) {
    const value = config[field];
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`${field} must be a positive integer, got ${value}`);
  }
  if (!(config.cell in gates)) throw new RangeError(`cell must be rnn, lstm or gru, got '${config.cell}'`);
  if (!(config.dropout >= 0 && config.dropout < 1))
    throw new RangeError(`dropout must be in [0, 1), got ${config.dropout}`);
  if (config.tieWeights && config.embeddingDim !== config.hiddenDim) {
    throw new RangeError(
      `tieWeights needs embeddingDim = hiddenDim, got ${config.embeddingDim} and ${config.hiddenDim}; make them equal`,
    );
  }
  return config;
}

/** The parameters' shapes by name, in Keras's layouts: `lstm.0.kernel` [input, 4·hidden], gates i, f, g, o. */
export function parameterShapes(config: LanguageModelConfig): Shapes {
  const { vocabSize, embeddingDim, hiddenDim, cell, layers, tieWeights, recurrentBias } = config;
  const width = gates[cell] * hiddenDim;
  const shapes: Record<string, readonly number[]> = { 'embedding.embeddings': [vocabSize, embeddingDim] };
  for (let layer = 0; layer < layers; layer++) {
    shapes[`${cell}.${layer}.kernel`] = [layer === 0 ? embeddingDim : hiddenDim, width];
    shapes[`${cell}.${layer}.recurrent_kernel`] = [hiddenDim, width];
    shapes[`${cell}.${layer}.bias`] = [width];
    if (recurrentBias || cell === 'gru') shapes[`${cell}.${layer}.recurrent_bias`] = [width];
  }
  if (!tieWeights) shapes['output.kernel'] = [hiddenDim, vocabSize];
  shapes['output.bias'] = [vocabSize];
  return shapes;
}

/** The state's shapes by name: `h.0` [batch, hidden] of the first layer, `c.0` its cell state for LSTMs, … */
export function stateShapes({ cell, layers, hiddenDim }: LanguageModelConfig, batch: number): Shapes {
  const shapes: Record<string, readonly number[]> = {};
  for (let layer = 0; layer < layers; layer++) {
    shapes[`h.${layer}`] = [batch, hiddenDim];
    if (cell === 'lstm') shapes[`c.${layer}`] = [batch, hiddenDim];
  }
  return shapes;
}

/** The widths at which dropout applies: the embedding, then each layer's output. */
export function dropoutWidths({ embeddingDim, hiddenDim, layers }: LanguageModelConfig): readonly number[] {
  return [embeddingDim, ...Array<number>(layers).fill(hiddenDim)];
}
