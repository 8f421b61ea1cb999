/** The cells of recurrent networks, by name. `kernels/cells/` computes them. */

/** The classic cells, which every framework has. */
export type ClassicCell = 'rnn' | 'lstm' | 'gru';

/**
 * The cells of a recurrent network. `mingru` and `minlstm` have gates that do not see the state (Feng et al. 2024), and
 * so no recurrent weights.
 */
export type NetworkCell = ClassicCell | 'mingru' | 'minlstm';

/**
 * The cells of stacked networks in language models. `cifg` is an LSTM whose input and forget gates are coupled,
 * f = 1 − i (Greff et al. 2017).
 */
export type StackedCell = NetworkCell | 'cifg';

/** The architectures of language models: a cell that is stacked, or `rwkv7`, whose blocks are described in `models/`. */
export type LanguageModelCell = StackedCell | 'rwkv7';

export const networkCells: readonly NetworkCell[] = ['rnn', 'lstm', 'gru', 'mingru', 'minlstm'];

export const languageModelCells: readonly LanguageModelCell[] = [
  ...(['rnn', 'lstm', 'gru', 'cifg', 'mingru', 'minlstm', 'rwkv7'] as const),
];

/** Width of a cell's kernels in multiples of `hiddenDim`: its number of gates, including the candidate. */
export const gateCounts: Readonly<Record<StackedCell, number>> = {
  ...{ rnn: 1, lstm: 4, gru: 3, cifg: 3 },
  ...{ mingru: 2, minlstm: 3 },
};

/** Whether a cell's gates see its state. */
export function hasRecurrentWeights({ cell }: { readonly cell: LanguageModelCell }): boolean {
  return cell !== 'mingru' && cell !== 'minlstm' && cell !== 'rwkv7';
}
