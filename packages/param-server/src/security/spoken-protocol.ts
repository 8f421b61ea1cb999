/**
 * Finds out what a server speaks that gRPC cannot connect to. gRPC retries forever, and says nothing of a server that
 * speaks TLS to a worker without, or the other way round.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ServerPlace } from '../addresses/server-place.js';

/** `silent`: it accepts connections and answers nothing. `unknown`: neither HTTP nor TLS. */
export type Protocol = 'tls' | 'http/2' | 'http/1' | 'unknown' | 'silent';

/** HTTP/2's connection preface, and empty settings: RFC 9113, section 3.4. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0', 'latin1');

const answerMilliseconds = 1000;

/** Returns what the server speaks; undefined if no connection can be made, or if `signal` is aborted. */
export async function protocolAt(place: ServerPlace, signal: AbortSignal): Promise<Protocol | undefined> {
  const plain = await firstBytes(() => connectTcp(place), signal);
  if (plain === undefined || signal.aborted) return undefined;
  if (plain.length > 0) return protocolOf(plain);
  return (await acceptsTls(place, signal)) ? 'tls' : 'silent';
}

function protocolOf(answer: Buffer): Protocol {
  // A TLS alert: RFC 8446, section 5.1.
  if (answer[0] === 0x15 && answer[1] === 0x03) return 'tls';
  // The first frame of an HTTP/2 server is its settings, of type 4.
  if (answer[0] === 0 && answer[3] === 4) return 'http/2';
  return answer.toString('latin1').startsWith('HTTP/1') ? 'http/1' : 'unknown';
}

/** Sends HTTP/2's preface. Returns the answer's first bytes, empty if there are none; undefined without a connection. */
function firstBytes(connect: () => Socket, signal: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect();
    let isConnected = false;
    const end = (answer: Buffer | undefined) => {
      resolve(answer);
      signal.removeEventListener('abort', stop);
      socket.destroy();
    };
    const stop = () => end(undefined);
    signal.addEventListener('abort', stop);
    socket.setTimeout(answerMilliseconds, () => end(isConnected ? Buffer.alloc(0) : undefined));
    socket.once('connect', () => {
      isConnected = true;
      socket.write(preface);
    });
    socket.once('data', end);
    socket.on('error', () => undefined);
    socket.once('close', () => end(isConnected ? Buffer.alloc(0) : undefined));
  });
}

/** Returns whether a handshake succeeds, whatever the certificates. */
function acceptsTls(place: ServerPlace, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTls({ ...place, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    const end = (accepts: boolean) => {
      resolve(accepts);
      signal.removeEventListener('abort', stop);
      socket.destroy();
    };
    const stop = () => end(false);
    signal.addEventListener('abort', stop);
    socket.setTimeout(answerMilliseconds, stop);
    socket.once('secureConnect', () => end(true));
    socket.on('error', (error: NodeJS.ErrnoException) => end(/ALERT/.test(error.code ?? '')));
    socket.once('close', stop);
  });
}
