/** The configurations of the applications' models: data alone, without TensorFlow.js, for who trains and who runs them. */

export interface TextClassifierConfig {
  readonly vocabSize: number;
  readonly embeddingDim: number;
  /** Units of each direction. */
  readonly hiddenDim: number;
  readonly classes: number;
  /** Probability of dropping a unit of the embedding, and one of what the linear layer reads. */
  readonly dropout: number;
}

export interface TranslationConfig {
  readonly vocabSize: number;
  /** The width of the embedding, and of the output layer's input. */
  readonly embeddingDim: number;
  /** Units of each direction of the encoder, and of the decoder. */
  readonly hiddenDim: number;
  /** Probability of dropping a unit of an embedding, and one of what the output layer reads. */
  readonly dropout: number;
}

export interface SpeechRecognizerConfig {
  /** The recordings' sample rate, in Hz. */
  readonly sampleRate: number;
  /** Units of each direction. */
  readonly hiddenDim: number;
  /** Letters, and the blank, which is class 0. */
  readonly classes: number;
  /** Probability of dropping a unit of what the linear layer reads. */
  readonly dropout: number;
}

export interface ForecasterConfig {
  /** How many series are forecast from each other. */
  readonly series: number;
  /** Steps of the past that it sees. */
  readonly context: number;
  /** Steps of the future that it tells. */
  readonly horizon: number;
  readonly hiddenDim: number;
  /** Probability of dropping a unit of what the linear layer reads. */
  readonly dropout: number;
}
