/**
 * Reads and writes those parts of wire messages that are more than numbers. Data from outside is checked here, once.
 */
import type { OptimizerConfig } from '@unroll/core/config';
import { elementCount } from '@unroll/core/onnx';
import type { unroll } from '../generated/parameter-server.js';
import type { Caller, Claim, LaneRange, RunDescription } from '../shard/messages.js';
import { Refusal } from '../shard/refusal.js';
import { diverged } from '../shard/steps.js';
import type { LaneTable, ModelDescription, ParameterShape } from '../vectors/model.js';

type Wire<Message> = Message | null | undefined;

/**
 * The names of each optimizer's numbers, for the optimizers that servers run. NT-ASGD is not among them: its trigger is
 * the validation loss, which servers do not know.
 */
const hyperparameterNames = {
  sgd: [],
  momentum: ['momentum'],
  nesterov: ['momentum'],
  adam: ['beta1', 'beta2', 'epsilon'],
  adamw: ['beta1', 'beta2', 'epsilon', 'weightDecay'],
  adagrad: ['epsilon'],
  rmsprop: ['decay', 'epsilon'],
} as const satisfies Record<Exclude<OptimizerConfig['name'], 'nt-asgd'>, readonly string[]>;

/** Rates and the like beyond it would be infinite in the arithmetic of updates. */
const greatestFloat32 = (2 - 2 ** -23) * 2 ** 127;

/** @throws Refusal if the message does not name its sender */
export function readCaller(caller: Wire<unroll.v1.Caller.$Properties>): Caller {
  if (!caller) throw new Refusal('failed-precondition', 'the request names no caller; use a client of this version');
  const { worker, generation, lease } = caller;
  const incarnation = caller.incarnation ?? 0;
  if (!Number.isSafeInteger(incarnation)) throw unreadable(`worker ${worker}'s incarnation is beyond 2^53`);
  if (!Number.isSafeInteger(generation ?? 0)) throw unreadable(`worker ${worker}'s generation is beyond 2^53`);
  return {
    worker: worker ?? 0,
    incarnation,
    generation: generation ?? 0,
    lease: lease ?? 0,
  };
}

/** @throws Refusal if a number is beyond what this program can count to */
export function readClaim({ ordinal, above, chief }: unroll.v1.JoinRequest.$Properties): Claim {
  const claim = { ordinal: ordinal ?? 0, above: above ?? 0, isChief: chief ?? false };
  const isCountable = Number.isSafeInteger(claim.ordinal) && Number.isSafeInteger(claim.above + 1);
  if (!isCountable) throw unreadable("a process's number is beyond 2^53");
  return claim;
}

/** @throws Refusal if the model's sizes are impossible, or the optimizer is unknown or lacks a number */
export function readRun(request: unroll.v1.JoinRequest): RunDescription {
  const { version, workers, shard, shards, parameters, optimizer, clipNorm } = request;
  const { run, lanes, ownPace } = request;
  return {
    version,
    workers,
    shard,
    shards,
    model: {
      parameters: readParameters(parameters),
      optimizer: readOptimizer(optimizer),
      clipNorm: readAmount(clipNorm, 'the bound on the gradient norm') || undefined,
      run,
      lanes: readLaneTable(lanes),
      staleness: ownPace ? (ownPace.staleness ?? Number.POSITIVE_INFINITY) : undefined,
    },
  };
}

/**
 * Reads the number of updates in the values that a chief brings.
 * @throws Refusal if counting on from it could go beyond 32 bits
 */
export function readStartStep({ step }: unroll.v1.InitializeRequest): number {
  if (step < 2 ** 31) return step;
  throw unreadable(`the initial values claim ${step} updates, more than 2^31`);
}

/** Reads a learning rate, a norm or a sum of squares. @throws Refusal unless it is a finite number of at least 0 */
export function readAmount(value: number, what: string): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw diverged(`${what} is ${value}`);
}

/** Same as {@link readAmount}, for a number that updates compute with in float32. */
export function readRate(value: number, what: string): number {
  return readAmount(value > greatestFloat32 ? Number.POSITIVE_INFINITY : value, what);
}

/** Same as {@link readAmount}, for a field that may be absent. */
export function readOptionalAmount(value: number | null | undefined, what: string): number | undefined {
  return value === null || value === undefined ? undefined : readAmount(value, what);
}

/** @throws Refusal unless the lanes lie within `count` */
export function readLanes({ lanesFrom: from, lanesTo: to }: unroll.v1.PushRequest, count: number): LaneRange {
  if (from < to && to <= count) return { from, to };
  throw unreadable(`a push is for the lanes ${from} to ${to} of ${count}`);
}

/** Returns the workers whose gradients make the step. @throws Refusal if there are more than the run has */
export function readCounted({ counted }: unroll.v1.PushRequest, workers: number): readonly number[] {
  if (counted.length <= workers) return counted;
  throw unreadable(`a push counts ${counted.length} of ${workers} workers`);
}

/** Returns the fields of a join that describe the model. */
export function writeModel({ parameters, optimizer, clipNorm, run, lanes, staleness }: ModelDescription) {
  const { name, ...hyperparameters } = optimizer;
  return {
    parameters: parameters.map(({ name, shape, byRows }) => ({
      name,
      shape: [...shape],
      ...(byRows ? { byRows } : {}),
    })),
    optimizer: { name, hyperparameters },
    clipNorm: clipNorm ?? 0,
    run,
    lanes: { ...lanes },
    ...(staleness === undefined ? {} : { ownPace: Number.isFinite(staleness) ? { staleness } : {} }),
  };
}

function readParameters(parameters: readonly unroll.v1.Parameter.$Properties[]): ParameterShape[] {
  const read = parameters.map(({ name, shape, byRows }) => {
    const parameter = { name: name ?? '', shape: shape ?? [] };
    return byRows ? { ...parameter, byRows } : parameter;
  });
  const names = new Set(read.map(({ name }) => name));
  if (names.size < read.length || names.has('')) throw unreadable('the parameters of the model have not a name each');
  for (const { name, shape } of read) {
    if (elementCount(shape) === 0) throw unreadable(`the parameter '${name}' is empty: [${shape}]`);
  }
  const total = read.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  // A shard knows how many parameters it takes, and refuses a model that has more.
  if (total <= Number.MAX_SAFE_INTEGER) return read;
  throw unreadable(`the model has ${total} parameters, more than can be counted`);
}

function readLaneTable(lanes: Wire<unroll.v1.Lanes.$Properties>): LaneTable {
  const [count, width] = [lanes?.count ?? 0, lanes?.width ?? 0];
  return { count, width };
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
  const unknown = Object.keys(numbers).find((key) => !(hyperparameterNames[name] as readonly string[]).includes(key));
  if (unknown) throw unreadable(`the optimizer ${name} has no number '${unknown}'`);
  const chosen = hyperparameterNames[name].map((key) => [key, numbers[key]!] as const);
  const wrong = chosen.find(([, value]) => !(value >= 0 && value <= greatestFloat32));
  if (wrong) throw unreadable(`the optimizer ${name} has the ${wrong[0]} ${wrong[1]}`);
  return { name, ...Object.fromEntries(chosen) } as OptimizerConfig;
}

function isOptimizerName(name: string): name is keyof typeof hyperparameterNames {
  return Object.hasOwn(hyperparameterNames, name);
}

function unreadable(what: string): Refusal {
  return new Refusal('failed-precondition', `${what}; use a client of this version`);
}
