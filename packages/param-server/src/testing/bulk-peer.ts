/** For tests: the other end of a server's bulk connection. Sends raw bytes and records the answers. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { status } from '@grpc/grpc-js';
import { FrameReader, frameKinds, noData } from '../bulk/frames.js';
import { unroll } from '../generated/parameter-server.js';
import { gathering } from '../vectors/byte-sink.js';

const { BulkHello, BulkStatus } = unroll.v1;

/** Returns a frame as bytes, with its true lengths or the given ones. */
export function frame(
  kind: number,
  message: Uint8Array,
  data: Uint8Array = new Uint8Array(0),
  lengths?: [number, number],
): Buffer {
  const [messageBytes, dataBytes] = lengths ?? [message.length, data.length];
  return Buffer.concat([new Uint8Array(Uint32Array.of(kind, messageBytes, dataBytes).buffer), message, data]);
}

export function hello(authorization = ''): Buffer {
  return frame(frameKinds.hello, BulkHello.encode({ authorization }).finish());
}

/** The server's answers, until it closes the connection. */
export interface Answers {
  readonly codes: status[];
  readonly details: string[];
}

/**
 * Sends these bytes, and then nothing.
 * @param leaves whether to close the sending half afterwards; otherwise the server has to end the connection
 */
export async function converse(port: number, bytes: Uint8Array, leaves: boolean): Promise<Answers> {
  const answers: Answers = { codes: [], details: [] };
  const reader = new FrameReader(({ kind, message, dataBytes }) => {
    if (kind !== frameKinds.status) return gathering(dataBytes, () => undefined);
    const { code, details } = BulkStatus.decode(message);
    answers.codes.push(code);
    answers.details.push(details);
    return noData;
  }, 2 ** 24);
  const socket: Socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.on('data', (came: Buffer) => reader.take(came));
  if (leaves) socket.end(bytes);
  else socket.write(bytes);
  await once(socket, 'close');
  return answers;
}
