/**
 * `Bidirectional`: TensorFlow.js's own wrapper (Schuster and Paliwal 1997), which runs two copies of any recurrent layer,
 * these included, over the sequence and its reverse; here so that it stands beside them.
 *
 * @example
 * new Bidirectional({ layer: new LSTM({ units: 32, returnSequences: true }), mergeMode: 'concat' });
 */
import type { MinimalLayer } from './minimal-layer.js';
import { TensorFlowBidirectional } from './tensorflow-layers.js';

type TensorFlowArgs = ConstructorParameters<typeof TensorFlowBidirectional>[0];

export type BidirectionalArgs = Omit<TensorFlowArgs, 'layer'> & {
  /** TensorFlow.js declares an `RNN`, but asks for no more of it than the minimal layers have. */
  readonly layer: TensorFlowArgs['layer'] | MinimalLayer;
};

export const Bidirectional = TensorFlowBidirectional as typeof TensorFlowBidirectional &
  (new (
    args: BidirectionalArgs,
  ) => InstanceType<typeof TensorFlowBidirectional>);
