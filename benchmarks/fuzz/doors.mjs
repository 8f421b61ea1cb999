// Sends messages and says how each was answered: calls over gRPC, and bytes over connections of their own.
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import { FrameReader, frameKinds, noData } from '../../packages/param-server/dist/bulk/frames.js';
import { unroll } from '../../packages/param-server/dist/generated/parameter-server.js';

const nameOfCode = (code) => status[code] ?? `code ${code}`;

/** Calls over gRPC, on a few connections. Each is replaced after some calls: a server ends those of strangers. */
export class GrpcDoor {
  #port;
  #connections;
  #callsEach;
  #patience;
  #next = 0;
  #sessions = [];
  #isShut = false;

  constructor(port, { connections, callsEach, patience }) {
    this.#port = port;
    this.#connections = connections;
    this.#callsEach = callsEach;
    this.#patience = patience;
  }

  /** @returns the status by name, its details, and the bytes that were answered */
  call({ path, authorization, body, ends = true }, patience = this.#patience) {
    return new Promise((resolve) => {
      const chunks = [];
      let [code, details] = [undefined, ''];
      const take = (headers) => {
        code ??= headers['grpc-status'];
        details = headers['grpc-message'] ?? details;
      };
      let stream;
      try {
        stream = this.#session().request({
          ...{ ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc' },
          ...(authorization === undefined ? {} : { authorization }),
        });
      } catch (error) {
        resolve({ status: `not sent (${error.code})`, details, bytes: Buffer.alloc(0) });
        return;
      }
      // A stream of a connection that is not open yet does not close when it is told to.
      const settle = (unanswered) => {
        clearTimeout(timer);
        const answered = code === undefined ? unanswered : nameOfCode(Number(code));
        resolve({ status: answered, details: decodeURIComponent(details), bytes: Buffer.concat(chunks) });
      };
      const timer = setTimeout(() => {
        stream.close(constants.NGHTTP2_CANCEL);
        settle('still waiting, given up');
      }, patience);
      stream.on('response', take).on('trailers', take);
      stream.on('data', (chunk) => chunks.push(chunk)).on('error', () => undefined);
      stream.once('close', () => settle(ends ? 'connection closed' : 'given up'));
      if (ends) stream.end(body);
      else stream.write(body, () => stream.close(constants.NGHTTP2_CANCEL));
    });
  }

  /** Whether the server takes no more connections. */
  get isShut() {
    return this.#isShut;
  }

  close() {
    for (const { session } of this.#sessions) session?.destroy();
  }

  #session() {
    const place = this.#next++ % this.#connections;
    const current = this.#sessions[place];
    if (current && !current.session.closed && !current.session.destroyed && current.calls++ < this.#callsEach) {
      return current.session;
    }
    current?.session.close();
    const session = connectHttp2(`http://127.0.0.1:${this.#port}`);
    session.on('error', ({ code }) => {
      if (code === 'ECONNREFUSED') this.#isShut = true;
    });
    this.#sessions[place] = { session, calls: 1 };
    return session;
  }
}

/** The most bytes of an answer that are read. */
const mostRead = 2 ** 16;

/** Sends bytes on a connection of their own; resolves with what came back when it is closed, or after a while. */
function exchange(port, bytes, patience) {
  return new Promise((resolve) => {
    const chunks = [];
    let size = 0;
    let isLate = false;
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    const timer = setTimeout(() => {
      isLate = true;
      socket.destroy();
    }, patience);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > mostRead) socket.destroy();
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve({ answer: Buffer.concat(chunks), isLate });
    });
    socket.end(bytes);
  });
}

const silent = (isLate) => (isLate ? 'no answer, left open' : 'closed without an answer');

/** @returns the status of the last call on a bulk connection, and its details */
export async function sendBulk(port, bytes, patience) {
  const { answer, isLate } = await exchange(port, bytes, patience);
  let last = { status: silent(isLate), details: '' };
  const reader = new FrameReader(({ kind, message }) => {
    if (kind !== frameKinds.status) return { write: () => undefined, end: () => undefined };
    const { code, details } = unroll.v1.BulkStatus.decode(message);
    last = { status: nameOfCode(code), details };
    return noData;
  }, 2 ** 24);
  reader.take(answer);
  return last;
}

/** @returns the status of the first answer on a connection */
export async function sendRaw(port, bytes, patience) {
  const { answer, isLate } = await exchange(port, bytes, patience);
  const http = /^HTTP\/1\.\d (\d{3})/.exec(answer.toString('latin1', 0, 20));
  if (http) return { status: `HTTP ${http[1]}`, details: '' };
  return { status: answer.length > 0 ? 'answered' : silent(isLate), details: '' };
}
