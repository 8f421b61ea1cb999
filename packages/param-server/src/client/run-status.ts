/**
 * Asks the servers of a run for its status: who is alive, and what each worker has reported. It does not take part in
 * the run.
 */
import { Client } from '@grpc/grpc-js';
import type { ProcessUse } from '../metrics/process-use.js';
import { readReport, type WorkerReport } from '../metrics/worker-meter.js';
import { type ClientSecurity, callMetadata, channelCredentials } from '../security/client-security.js';
import { parameterServerService } from '../wire/service-definition.js';
import { directChannel } from './direct-channel.js';

export interface RunStatus {
  /** In the order of the shards. */
  readonly servers: readonly ServerStatus[];
  /** The workers that the first server knows. If it does not answer, those of its last answer. */
  readonly workers: readonly WorkerStatus[];
}

export interface ServerStatus {
  /** `host:port`. */
  readonly address: string;
  readonly answers: boolean;
  /** Undefined while it does not answer. */
  readonly use?: ProcessUse | undefined;
}

export interface WorkerStatus {
  readonly worker: number;
  /** `silent` if the worker has not been heard for longer than a lease, `left` if it has said goodbye. */
  readonly state: 'alive' | 'silent' | 'left';
  readonly silentSeconds: number;
  readonly report: WorkerReport;
}

export interface RunStatusReader {
  /** Never rejects: a server that does not answer is part of the status. */
  read(): Promise<RunStatus>;
  close(): void;
}

/** Short, because a person is waiting to see the status. */
const answerSeconds = 2;

type StatusAnswer = Awaited<ReturnType<typeof ask>>;

/** @throws ParameterServerError if the certificates cannot be used */
export function connectRunStatus(addresses: readonly string[], security: ClientSecurity = {}): RunStatusReader {
  const metadata = callMetadata(security.token);
  const clients = addresses.map((address) => new Client(address, channelCredentials(security.tls), directChannel));
  let workers: readonly WorkerStatus[] = [];
  const read = async (): Promise<RunStatus> => {
    const answers = await Promise.allSettled(clients.map((client) => ask(client, metadata)));
    if (answers[0]?.status === 'fulfilled') workers = workersOf(answers[0].value);
    const servers = answers.map((answer, shard) => ({
      address: addresses[shard]!,
      answers: answer.status === 'fulfilled',
      use: answer.status === 'fulfilled' ? useOf(answer.value) : undefined,
    }));
    return { servers, workers };
  };
  return {
    read,
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

function ask(client: Client, metadata: ReturnType<typeof callMetadata>) {
  const { path, requestSerialize, responseDeserialize } = parameterServerService.status;
  type Answer = ReturnType<typeof responseDeserialize>;
  return new Promise<Answer>((resolve, reject) => {
    const deadline = Date.now() + 1000 * answerSeconds;
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, metadata, { deadline }, (error, answer) =>
      answer ? resolve(answer) : reject(error),
    );
  });
}

function workersOf({ leaseSeconds, workers }: StatusAnswer): WorkerStatus[] {
  return workers.map(({ worker, silentSeconds, left, report }) => ({
    worker: worker ?? 0,
    state: stateOf(left ?? false, (silentSeconds ?? 0) > leaseSeconds),
    silentSeconds: silentSeconds ?? 0,
    report: readReport(report),
  }));
}

function useOf({ cpuSeconds, memoryBytes }: StatusAnswer): ProcessUse {
  return { cpuSeconds: cpuSeconds ?? 0, memoryBytes: memoryBytes ?? 0 };
}

function stateOf(hasLeft: boolean, isSilent: boolean): WorkerStatus['state'] {
  if (hasLeft) return 'left';
  return isSilent ? 'silent' : 'alive';
}
