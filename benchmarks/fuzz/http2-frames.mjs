// Connections of raw HTTP/2 frames: valid ones, and those that known attacks and confused programs send.
import { byteChanges, grpcFrame, pick, randomBytes } from './bytes.mjs';

const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type, flags, stream, payload = Buffer.alloc(0), length = payload.length) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length % 2 ** 24, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** A header block in which nothing is indexed or compressed. */
function headerBlock(headers) {
  const text = (value) => {
    const bytes = Buffer.from(value);
    // Lengths of 127 and more continue in the next bytes.
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    const rest = [];
    let left = bytes.length - 127;
    for (; left >= 128; left = Math.floor(left / 128)) rest.push((left % 128) + 128);
    return Buffer.concat([Buffer.from([127, ...rest, left]), bytes]);
  };
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

const uint32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

const attacks = {
  'rapid reset': ({ headers, random }) =>
    Array.from({ length: 1 + Math.floor(100 * random()) }, (_, k) => [
      frame(types.headers, 4, 2 * k + 1, headers),
      frame(types.reset, 0, 2 * k + 1, uint32(8)),
    ]).flat(),
  'flood of settings': ({ random }) =>
    Array.from({ length: 1 + Math.floor(200 * random()) }, () =>
      frame(
        types.settings,
        0,
        0,
        Buffer.concat([Buffer.from([0, Math.floor(7 * random())]), uint32(2 ** 32 * random())]),
      ),
    ),
  'flood of pings': ({ random }) =>
    Array(1 + Math.floor(200 * random())).fill(frame(types.ping, 0, 0, Buffer.alloc(8))),
  'continuation without end': ({ headers, random }) => [
    frame(types.headers, 0, 1, headers),
    ...Array(1 + Math.floor(100 * random())).fill(
      frame(types.continuation, 0, 1, headerBlock([['x-more', 'y'.repeat(500)]])),
    ),
  ],
  'window beyond its limit': () => Array(3).fill(frame(types.window, 0, 0, uint32(2 ** 31 - 1))),
  'data without a call': ({ body }) => [frame(types.data, 1, 5, body)],
  'data after the end': ({ headers, body }) => [
    frame(types.headers, 4, 1, headers),
    ...Array(3).fill(frame(types.data, 1, 1, body)),
  ],
  'compressed headers without end': ({ random }) => [
    frame(
      types.headers,
      5,
      1,
      Buffer.concat([headerBlock([['a', 'b'.repeat(4000)]]), Buffer.alloc(4000, 0xbe), randomBytes(random, 20)]),
    ),
  ],
  'frame of any type': ({ random }) =>
    Array.from({ length: 1 + Math.floor(10 * random()) }, () =>
      frame(
        Math.floor(12 * random()),
        Math.floor(256 * random()),
        Math.floor(6 * random()),
        randomBytes(random, Math.floor(40 * random())),
      ),
    ),
  'frame with another length': ({ headers, random }) => [
    frame(types.headers, 4, 1, headers, pick(random, [0, 1, 16_385, 2 ** 20, 2 ** 24 - 1])),
  ],
  goodbye: ({ headers }) => [frame(types.headers, 4, 1, headers), frame(types.goaway, 0, 0, Buffer.alloc(8))],
};

/** @returns the kind, and the bytes of a connection that makes a recorded call */
export function http2Bytes(random, { method, messages }, authorization) {
  const headers = headerBlock([
    ...[
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', `/unroll.v1.ParameterServer/${method}`],
      [':authority', 'a'],
    ],
    ...[
      ['te', 'trailers'],
      ['content-type', 'application/grpc'],
    ],
    ...(authorization === undefined ? [] : [['authorization', authorization]]),
  ]);
  const body = Buffer.concat(messages.map((message) => grpcFrame(message))).subarray(0, 16_384);
  const begin = [preface, frame(types.settings, 0, 0)];
  const call = [frame(types.headers, 4, 1, headers), frame(types.data, 1, 1, body)];
  if (random() < 0.3) {
    const change = pick(random, Object.keys(byteChanges));
    const changed = byteChanges[change](Buffer.concat([begin[1], ...call]), random);
    return { kind: `frames with ${change}`, bytes: Buffer.concat([preface, changed]) };
  }
  const kind = pick(random, Object.keys(attacks));
  const frames = attacks[kind]({ headers, body, random });
  return { kind, bytes: Buffer.concat([...begin, ...frames, ...(random() < 0.5 ? call : [])]) };
}
