/**
 * The optimizers' updates of one element in float64, in the form of their papers. Tests compare the fast ones with
 * them.
 */
import type { OptimizerConfig } from './optimizer-config.js';

export interface NaiveParameter {
  readonly parameter: number;
  readonly slots: Readonly<Record<string, number>>;
}

/**
 * One update of one element.
 * @param step 1 for the first update
 */
export function naiveUpdate(
  config: OptimizerConfig,
  { parameter, slots }: NaiveParameter,
  gradient: number,
  learningRate: number,
  step: number,
): NaiveParameter {
  switch (config.name) {
    case 'sgd':
      return { parameter: parameter - learningRate * gradient, slots: {} };
    case 'momentum': {
      const momentum = config.momentum * slots.momentum! + gradient;
      return { parameter: parameter - learningRate * momentum, slots: { momentum } };
    }
    case 'nesterov': {
      const momentum = config.momentum * slots.momentum! + gradient;
      return { parameter: parameter - learningRate * (gradient + config.momentum * momentum), slots: { momentum } };
    }
    case 'adam':
    case 'adamw': {
      const m = config.beta1 * slots.m! + (1 - config.beta1) * gradient;
      const v = config.beta2 * slots.v! + (1 - config.beta2) * gradient ** 2;
      const unbiasedM = m / (1 - config.beta1 ** step);
      const unbiasedV = v / (1 - config.beta2 ** step);
      const decay = config.name === 'adamw' ? config.weightDecay : 0;
      const update = unbiasedM / (Math.sqrt(unbiasedV) + config.epsilon) + decay * parameter;
      return { parameter: parameter - learningRate * update, slots: { m, v } };
    }
    case 'adagrad': {
      const squares = slots.squares! + gradient ** 2;
      return {
        parameter: parameter - (learningRate * gradient) / (Math.sqrt(squares) + config.epsilon),
        slots: { squares },
      };
    }
    case 'rmsprop': {
      const v = config.decay * slots.v! + (1 - config.decay) * gradient ** 2;
      return { parameter: parameter - (learningRate * gradient) / (Math.sqrt(v) + config.epsilon), slots: { v } };
    }
    case 'nt-asgd': // before averaging starts
      return { parameter: parameter + slots.offset! - learningRate * gradient, slots: { offset: 0 } };
  }
}
