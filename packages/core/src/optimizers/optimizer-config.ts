/** The optimizers by name: their settings and their slots for each parameter. `optimizer.ts` has their arithmetic. */

export type OptimizerConfig =
  | { readonly name: 'sgd' }
  | { readonly name: 'momentum'; readonly momentum: number }
  | { readonly name: 'nesterov'; readonly momentum: number }
  | { readonly name: 'adam'; readonly beta1: number; readonly beta2: number; readonly epsilon: number }
  | {
      readonly name: 'adamw';
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
    }
  | { readonly name: 'adagrad'; readonly epsilon: number }
  | { readonly name: 'rmsprop'; readonly decay: number; readonly epsilon: number }
  /** Starts to average once the validation loss has not fallen for `patience` epochs; see `averaged-sgd.ts`. */
  | { readonly name: 'nt-asgd'; readonly patience: number };

export type OptimizerName = OptimizerConfig['name'];

export const optimizerNames: readonly OptimizerName[] = [
  'sgd',
  'momentum',
  'nesterov',
  'adam',
  'adamw',
  'adagrad',
  'rmsprop',
  'nt-asgd',
];

/** The slot of `nt-asgd`. */
export const offsetSlot = 'offset';

/**
 * The usual settings of each optimizer: momentum 0.9, also for Nesterov; Adam's β₁ 0.9, β₂ 0.999, ε 1e-8; AdamW's
 * weight decay 0.01; Adagrad's ε 1e-10; RMSprop's decay 0.99, ε 1e-8; NT-ASGD's patience 5 epochs.
 */
export function defaultOptimizer(name: OptimizerName): OptimizerConfig {
  switch (name) {
    case 'sgd':
      return { name };
    case 'momentum':
    case 'nesterov':
      return { name, momentum: 0.9 };
    case 'adam':
      return { name, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    case 'adamw':
      return { name, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
    case 'adagrad':
      return { name, epsilon: 1e-10 };
    case 'rmsprop':
      return { name, decay: 0.99, epsilon: 1e-8 };
    case 'nt-asgd':
      return { name, patience: 5 };
  }
}

/** The names of an optimizer's slots. */
export function optimizerSlots(config: OptimizerConfig): readonly string[] {
  switch (config.name) {
    case 'sgd':
      return [];
    case 'momentum':
    case 'nesterov':
      return ['momentum'];
    case 'adam':
    case 'adamw':
      return ['m', 'v'];
    case 'adagrad':
      return ['squares'];
    case 'rmsprop':
      return ['v'];
    case 'nt-asgd':
      return [offsetSlot];
  }
}

/** Whether an element with zero gradient keeps its value and slots. If so, only the embedding rows in use change. */
export function keepsWithoutGradient({ name }: OptimizerConfig): boolean {
  return name === 'sgd' || name === 'adagrad';
}
