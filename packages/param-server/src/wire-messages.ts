/** Reads and writes the parts of wire messages that are more than numbers. What comes from outside is checked here, once. */
import type { OptimizerConfig } from '@unroll/core';
import type { unroll } from './generated/parameter-server.js';
import type { ModelDescription } from './model.js';
import type { Caller, RunDescription } from './shard/messages.js';
import { Refusal } from './shard/refusal.js';

type Wire<Message> = Message | null | undefined;

/** The names of each optimizer's numbers. */
const hyperparameterNames = {
  sgd: [],
  momentum: ['momentum'],
  adam: ['beta1', 'beta2', 'epsilon'],
  adamw: ['beta1', 'beta2', 'epsilon', 'weightDecay'],
} as const satisfies Record<OptimizerConfig['name'], readonly string[]>;

/** @throws Refusal if the message does not say who sends it. */
export function readCaller(caller: Wire<unroll.v1.Caller.$Properties>): Caller {
  if (!caller) throw new Refusal('failed-precondition', 'the request names no caller; use a client of this version');
  // protobufjs decodes 64-bit integers as objects, whatever their type says.
  const { worker, incarnation, generation, lease } = caller;
  return {
    worker: worker ?? 0,
    incarnation: Number(incarnation ?? 0),
    generation: generation ?? 0,
    lease: lease ?? 0,
  };
}

/** @throws Refusal if the optimizer is unknown or lacks a number. */
export function readRun(request: unroll.v1.JoinRequest): RunDescription {
  const { version, workers, shard, shards, parameters, optimizer, clipNorm } = request;
  const { run, lanes } = request;
  return {
    version,
    workers,
    shard,
    shards,
    model: {
      parameters: parameters.map(({ name, shape }) => ({ name: name ?? '', shape: shape ?? [] })),
      optimizer: readOptimizer(optimizer),
      clipNorm: clipNorm === 0 ? undefined : clipNorm,
      run,
      lanes: { count: lanes?.count ?? 0, width: lanes?.width ?? 0 },
    },
  };
}

/** The fields of a join that describe the model. */
export function writeModel({ parameters, optimizer, clipNorm, run, lanes }: ModelDescription) {
  const { name, ...hyperparameters } = optimizer;
  return {
    parameters: parameters.map((parameter) => ({ name: parameter.name, shape: [...parameter.shape] })),
    optimizer: { name, hyperparameters },
    clipNorm: clipNorm ?? 0,
    run,
    lanes: { ...lanes },
  };
}

function readOptimizer(optimizer: Wire<unroll.v1.Optimizer.$Properties>): OptimizerConfig {
  const name = optimizer?.name ?? '';
  const numbers = optimizer?.hyperparameters ?? {};
  if (!isOptimizerName(name)) {
    const known = Object.keys(hyperparameterNames).join(', ');
    throw new Refusal('failed-precondition', `the optimizer '${name}' is unknown here; use one of ${known}`);
  }
  const missing = hyperparameterNames[name].find((key) => numbers[key] === undefined);
  if (missing) throw new Refusal('failed-precondition', `the optimizer ${name} lacks its ${missing}; name it`);
  return { name, ...numbers } as OptimizerConfig;
}

function isOptimizerName(name: string): name is OptimizerConfig['name'] {
  return Object.hasOwn(hyperparameterNames, name);
}
