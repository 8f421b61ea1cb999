/** The gRPC methods of one shard: parses requests, moves bytes, and leaves every decision to the host's heart. */
import { createHash } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type {
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { unroll } from '../generated/parameter-server.js';
import { processUse } from '../metrics/process-use.js';
import { readReport } from '../metrics/worker-meter.js';
import type { WorkerReports } from '../metrics/worker-reports.js';
import type { Answer, Caller, Contribution, ShardValues, UnnumberedRequest } from '../shard/messages.js';
import { Refusal } from '../shard/refusal.js';
import { doInTurns } from '../time/long-work.js';
import {
  readAmount,
  readCaller,
  readClaim,
  readCounted,
  readLanes,
  readOptionalAmount,
  readRate,
  readRun,
  readStartStep,
} from '../wire/wire-messages.js';
import type { ShardHost } from './shard-host.js';
import type { UploadStream, Uploads } from './uploads.js';
import { asStatus, openPull, openUpload, squaredNorm, type WhenCancelled } from './vector-calls.js';

type Wire = typeof unroll.v1;
type Message<Name extends keyof Wire> = InstanceType<Wire[Name]>;

/** Returns the implementation of `parameterServerService`. */
export function parameterServerMethods(host: ShardHost, reports: WorkerReports): UntypedServiceImplementation {
  return {
    join: unary(
      (request: Message<'JoinRequest'>) => {
        const run = readRun(request);
        const { holdsBack } = request;
        const claim = readClaim(request);
        release(request);
        return { type: 'join', run, holdsBack: holdsBack ?? false, claim };
      },
      host,
      (answer) => joinResponse(answer, host),
    ),
    upload: (call: ServerReadableStream<Message<'UploadRequest'>, object>, done: sendUnaryData<object>) => {
      receiveUpload(host, call).then(
        () => done(null, {}),
        (error: unknown) => done(asStatus(error)),
      );
    },
    initialize: unary((request: Message<'InitializeRequest'>, caller) => {
      const { obstacle } = host.snapshots;
      if (obstacle) throw new Refusal('failed-precondition', obstacle);
      const step = readStartStep(request);
      const { generation } = request;
      return { type: 'initialize', generation, step, values: uploadedValues(host, caller, step) };
    }, host),
    restore: unary(({ step, generation }: Message<'RestoreRequest'>) => ({ type: 'restore', generation, step }), host),
    push: unary(
      (request: Message<'PushRequest'>, caller) => ({
        type: 'push',
        step: request.step,
        learningRate: readRate(request.learningRate, `worker ${caller.worker}'s learning rate`),
        lanes: readLanes(request, host.adopted.run.model.lanes.count),
        counted: readCounted(request, host.adopted.run.workers),
        sumOfSquares: readOptionalAmount(request.sumOfSquares, squaredNorm),
        contribution: uploadedContribution(host, caller, request.step),
      }),
      host,
    ),
    commit: unary(
      ({ step, sumOfSquares }: Message<'CommitRequest'>) => ({
        type: 'commit',
        step,
        sumOfSquares: readAmount(sumOfSquares, squaredNorm),
      }),
      host,
    ),
    pull: (call: ServerWritableStream<Message<'PullRequest'>, Message<'PullResponse'>>) => sendVector(host, call),
    heartbeat: unary(
      (_: Message<'HeartbeatRequest'>) => ({ type: 'heartbeat' }),
      host,
      ({ type, ...place }, { caller, report }) => {
        reports.take(readCaller(caller), readReport(report));
        return place;
      },
    ),
    status: (_: unknown, done: sendUnaryData<object>) =>
      done(null, { leaseSeconds: host.policy.leaseSeconds, workers: reports.workers, ...processUse() }),
    finish: unary(({ endsRun }: Message<'FinishRequest'>) => ({ type: 'finish', endsRun: endsRun ?? false }), host),
    leave: unary(
      ({ finished }: Message<'LeaveRequest'>) => ({ type: 'leave', isFinished: finished }),
      host,
      (_, { caller }) => {
        reports.leave(readCaller(caller));
        return {};
      },
    ),
  };
}

/** Empties a message. gRPC keeps it until its call is answered, and a join may wait for long. */
function release(request: Message<'JoinRequest'>): void {
  Object.assign(request, { version: '', parameters: [], optimizer: null, run: '' });
}

type WithoutCaller<R> = R extends unknown ? Omit<R, 'caller'> : never;

/** Makes a method with one request and one response. By default it responds with the answer's fields. */
function unary<Request extends { caller?: unroll.v1.Caller.$Properties | null }>(
  parse: (request: Request, caller: Caller) => WithoutCaller<UnnumberedRequest>,
  host: ShardHost,
  respond: (answer: Answer, request: Request) => object = ({ type, ...fields }) => fields,
) {
  return (call: ServerUnaryCall<Request, object>, done: sendUnaryData<object>): void => {
    const asked = async (): Promise<Answer> => {
      const caller = readCaller(call.request.caller);
      return host.ask({ ...parse(call.request, caller), caller }, onCancelled(call));
    };
    asked().then(
      (answer) => done(null, respond(answer, call.request)),
      (error: unknown) => done(asStatus(error)),
    );
  };
}

/** Returns the response to a joining worker: the heart's answer, and the server's own settings. */
export function joinResponse(answer: Answer, host: ShardHost): object {
  const { policy, snapshots } = host;
  if (answer.type === 'superseded') return { supersededBy: answer.ordinal, leaseSeconds: policy.leaseSeconds };
  const { type, lanes, isChief, begunBy, ...fields } = answer as Extract<Answer, { type: 'joined' }>;
  return {
    ...fields,
    ...(begunBy === undefined ? {} : { begunBy: digestOf(begunBy) }),
    chief: isChief,
    lanesFrom: lanes?.from ?? 0,
    lanesTo: lanes?.to ?? 0,
    leaseSeconds: policy.leaseSeconds,
    snapshots: [...snapshots.steps],
    foreignSnapshots: snapshots.foreign,
    foreignShards: snapshots.foreignShards ?? 0,
    snapshotEvery: policy.snapshotEvery,
    elastic: host.isElastic,
    backupWorkers: policy.backupWorkers,
  };
}

/** Returns a name for an incarnation that does not tell it: who knows it can speak for its process. */
function digestOf(incarnation: number): number {
  return createHash('sha256').update(`${incarnation}`).digest().readUIntBE(0, 6);
}

export function uploadedValues(host: ShardHost, caller: Caller, step: number): ShardValues | undefined {
  const { uploads, store } = host.adopted;
  if (!hasAll(uploads, caller, step, ['parameters', 'lanes'])) return undefined;
  const take = (vector: string) => uploads.take({ caller, step, vector });
  const parameters = take('parameters');
  const lanes = take('lanes');
  if (!parameters || !lanes) return undefined;
  const slots = store.slotNames.map((name) => [name, take(name) ?? new Float32Array(parameters.length)] as const);
  return { parameters, slots: Object.fromEntries(slots), lanes };
}

/**
 * Checks that all vectors have arrived. A repeated request must take none while the next request's vectors are
 * arriving.
 */
function hasAll(uploads: Uploads, caller: Caller, step: number, vectors: readonly string[]): boolean {
  return vectors.every((vector) => uploads.has({ caller, step, vector }));
}

export function uploadedContribution(host: ShardHost, caller: Caller, step: number): Contribution | undefined {
  const { uploads } = host.adopted;
  if (!hasAll(uploads, caller, step, ['gradient', 'lanes', 'rows'])) return undefined;
  const dense = uploads.takeGradient({ caller, step, vector: 'gradient' });
  const lanes = uploads.take({ caller, step, vector: 'lanes' });
  const tables = uploads.takeRows({ caller, step, vector: 'rows' });
  if (!dense || !lanes || !tables) return undefined;
  const sumOfSquares = dense.sumOfSquares + tables.sumOfSquares;
  return { gradient: dense.gradient, rows: tables.rows, sumOfSquares, lanes };
}

/** Receives an upload. A stream that breaks off or is refused leaves nothing that a push could use. */
async function receiveUpload(
  host: ShardHost,
  call: ServerReadableStream<Message<'UploadRequest'>, object>,
): Promise<void> {
  let upload: UploadStream | undefined;
  for await (const message of call) {
    const { target, offsets, data } = message as Message<'UploadRequest'>;
    upload ??= await openUpload(host, target, onCancelled(call));
    upload.take({ offsets, data });
  }
  if (upload) await doInTurns(upload.end());
}

async function sendVector(
  host: ShardHost,
  call: ServerWritableStream<Message<'PullRequest'>, Message<'PullResponse'>>,
): Promise<void> {
  try {
    for (const chunk of await openPull(host, call.request, onCancelled(call))) {
      if (call.cancelled) break;
      if (!call.write(chunk)) await drained(call);
    }
    call.end();
  } catch (error) {
    call.emit('error', asStatus(error));
  }
}

function drained(call: ServerWritableStream<unknown, unknown>): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      call.off('drain', settle).off('cancelled', settle);
      resolve();
    };
    call.on('drain', settle).on('cancelled', settle);
  });
}

function onCancelled(call: EventEmitter): WhenCancelled {
  return (cancel) => call.on('cancelled', cancel);
}
