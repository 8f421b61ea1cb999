/**
 * `Bidirectional`: TensorFlow.js's own wrapper (Schuster and Paliwal 1997), which runs two copies of any recurrent layer,
 * these included, over the sequence and its reverse; here so that it stands beside them.
 *
 * @example
 * new Bidirectional({ layer: new LSTM({ units: 32, returnSequences: true }), mergeMode: 'concat' });
 */
export { TensorFlowBidirectional as Bidirectional } from './tensorflow-layers.js';
