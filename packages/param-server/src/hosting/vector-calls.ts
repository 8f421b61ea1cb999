/** Implements Upload and Pull for every transport: checks the caller, asks the host's heart, opens the vector. */
import { status } from '@grpc/grpc-js';
import type { unroll } from '../generated/parameter-server.js';
import type { RefusalCode } from '../shard/messages.js';
import { Refusal } from '../shard/refusal.js';
import type { TableSelection } from '../tables/row-selection.js';
import type { Chunk } from '../vectors/shard-vector.js';
import { readCaller, readOptionalAmount } from '../wire/wire-messages.js';
import type { ShardHost } from './shard-host.js';
import type { UploadStream } from './uploads.js';

/** Receives a function to call if the caller goes away. */
export type WhenCancelled = (cancel: () => void) => void;

/** For messages. */
export const squaredNorm = 'the sum of squares of the gradient';

/**
 * Opens an upload. It counts as a sign of life, and only a worker that has joined may upload, so that nobody else makes
 * the shard hold a vector.
 * @throws Refusal
 */
export async function openUpload(
  host: ShardHost,
  target: unroll.v1.UploadTarget.$Properties | null | undefined,
  whenCancelled: WhenCancelled,
): Promise<UploadStream> {
  const caller = readCaller(target?.caller);
  await host.ask({ type: 'heartbeat', caller }, whenCancelled);
  const { step, vector, encoded } = target ?? {};
  return host.adopted.uploads.begin({ caller, step: step ?? 0, vector: vector ?? '', encoded });
}

/**
 * Returns the chunks of a pull, once it may be answered. They are views of the shard's values. The sender asks for the
 * next chunk, and for the end, after sending one, and is refused if the shard has changed meanwhile.
 * @throws Refusal
 */
export async function openPull(
  host: ShardHost,
  request: unroll.v1.PullRequest,
  whenCancelled: WhenCancelled,
): Promise<Iterable<Chunk>> {
  const { step } = request;
  const caller = readCaller(request.caller);
  const sumOfSquares = readOptionalAmount(request.sumOfSquares, squaredNorm);
  const selection = host.adopted.store.select(request.vector, selectionOf(request));
  await host.ask({ type: 'pull', caller, step, sumOfSquares, meets: request.meets ?? false }, whenCancelled);
  const chunks = host.adopted.store.chunks(selection, step, request.since ?? undefined);
  return whileReadable(chunks, () => {
    if (host.isReadableAt(caller.generation, step)) return;
    throw new Refusal('aborted', `the shard moved from step ${step} during a pull`);
  });
}

function* whileReadable(chunks: Iterable<Chunk>, requireReadable: () => void): Generator<Chunk> {
  for (const chunk of chunks) {
    requireReadable();
    yield chunk;
  }
  requireReadable();
}

/** Returns the table rows that a pull asks for. */
export function selectionOf({ rows, whole }: unroll.v1.PullRequest.$Properties): TableSelection {
  return rows ? { rows: rows.starts ?? [] } : { whole: whole ?? false };
}

const statusCodes: Record<RefusalCode, status> = {
  'failed-precondition': status.FAILED_PRECONDITION,
  'peer-lost': status.DATA_LOSS,
  aborted: status.ABORTED,
  unavailable: status.UNAVAILABLE,
  internal: status.INTERNAL,
};

/** The greatest length of a status's text. A refusal may quote a name of megabytes; statuses travel in headers. */
const longestDetails = 2000;

/** Converts an error to a gRPC status. */
export function asStatus(error: unknown): { code: status; details: string } {
  if (error instanceof Refusal) {
    return { code: statusCodes[error.code], details: error.message.slice(0, longestDetails) };
  }
  return { code: status.INTERNAL, details: `the parameter server failed: ${error}` };
}
