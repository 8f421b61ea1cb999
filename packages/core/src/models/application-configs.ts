/**
 * Configurations of the applications' models. Plain data without TensorFlow.js, for training and for running the
 * models.
 */

export interface TextClassifierConfig {
  readonly vocabSize: number;
  readonly embeddingDim: number;
  /** Units of each direction of the LSTM. */
  readonly hiddenDim: number;
  readonly classes: number;
  /** Probability of dropping a unit of the embedding or of the linear layer's input. */
  readonly dropout: number;
}

export interface TranslationConfig {
  readonly vocabSize: number;
  /** Width of the embedding and of the output layer's input. */
  readonly embeddingDim: number;
  /** Units of each direction of the encoder, and of the decoder. */
  readonly hiddenDim: number;
  /** Probability of dropping a unit of an embedding or of the output layer's input. */
  readonly dropout: number;
}

export interface SpeechRecognizerConfig {
  /** The recordings' sample rate, in Hz. */
  readonly sampleRate: number;
  /** Units of each direction of the LSTM. */
  readonly hiddenDim: number;
  /** Number of letters plus one for the blank, which is class 0. */
  readonly classes: number;
  /** Probability of dropping a unit of the linear layer's input. */
  readonly dropout: number;
}

export interface ForecasterConfig {
  /** Number of series that are forecast together. */
  readonly series: number;
  /** Number of past steps that the model reads. */
  readonly context: number;
  /** Number of future steps that the model predicts. */
  readonly horizon: number;
  readonly hiddenDim: number;
  /** Probability of dropping a unit of the linear layer's input. */
  readonly dropout: number;
}

export interface TaggerConfig {
  readonly vocabSize: number;
  /** Number of kinds of spelling, such as capitalised or all digits. */
  readonly spellings: number;
  readonly embeddingDim: number;
  /** Units of each direction of the LSTM. */
  readonly hiddenDim: number;
  readonly tags: number;
  /** Probability of dropping a unit of the LSTM's input or of the linear layer's. */
  readonly dropout: number;
}
