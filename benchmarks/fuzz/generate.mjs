// Makes the messages. Message `number` of a seed is the same on each run, except that a joined worker's messages name
// its present generation, lease and step.
import { frameKinds } from '../../packages/param-server/dist/bulk/frames.js';
import { unroll } from '../../packages/param-server/dist/generated/parameter-server.js';
import { bulkFrame, byteChanges, grpcFrame, pick, randomBytes, randomOf } from './bytes.mjs';
import { httpRequest } from './http-requests.mjs';
import { http2Bytes } from './http2-frames.mjs';
import { changeField, fieldChanges } from './protobuf.mjs';

/** The number of messages of a hundred that each door gets, by who sends them. A worker has let itself in: it sends to the service. */
const shares = {
  stranger: { grpc: 83, bulk: 6, http2: 3, raw: 2, metrics: 2, gateway: 2, dashboard: 2 },
  worker: { grpc: 86, bulk: 8, http2: 2, raw: 1, metrics: 1, gateway: 1, dashboard: 1 },
};

const service = '/unroll.v1.ParameterServer/';
const otherPaths = [
  ...['/', '', '/grpc.health.v1.Health/Check', '/grpc.health.v1.Health/Watch', `${service}Nothing`, `/${service}Join`],
  ...['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', `${service}__proto__`, `${service}constructor`],
];

/**
 * @param {object} of
 * @param of.who 'stranger' or 'worker'
 * @param of.calls the recorded calls
 * @param of.token what lets a worker in
 * @param of.position where the worker is, as `{ caller, step, ownPace }`; for a stranger undefined
 * @returns the door, the kind of change, and what the door needs
 */
export function messageOf({ seed, who, number, calls, token, position }) {
  const random = randomOf(seed, who, number);
  const door = chooseDoor(shares[who], random);
  const authorization = who === 'worker' ? `Bearer ${token}` : strangersAuthorization(random, token);
  switch (door) {
    case 'grpc':
      return { door, authorization, ...grpcCall(random, calls, position) };
    case 'bulk':
      return { door, ...bulkConversation(random, calls, position, authorization) };
    case 'http2':
      return { door, ...http2Bytes(random, pick(random, calls), authorization) };
    case 'raw':
      return { door, ...rawBytes(random) };
    default:
      return { door, ...httpRequest(random, door, who === 'worker' ? token : undefined) };
  }
}

function chooseDoor(weights, random) {
  let left = random() * Object.values(weights).reduce((sum, weight) => sum + weight);
  for (const [door, weight] of Object.entries(weights)) {
    left -= weight;
    if (left < 0) return door;
  }
  throw new Error('no door was chosen');
}

function strangersAuthorization(random, token) {
  const guess = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
  const guesses = [
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${guess}`,
    `bearer ${token} `,
    'Basic YTpi',
    `Bearer ${'a'.repeat(5000)}`,
  ];
  return random() < 0.4 ? undefined : pick(random, guesses);
}

const endings = new Set(['Finish', 'Leave']);

/** Returns a recorded call's messages, in a worker's place if there is one, with a change somewhere. */
function changedMessages(random, calls, position) {
  const call = pickCall(random, calls, position);
  const messages = position
    ? call.messages.map((message, k) => placed(call.method, message, k, position))
    : [...call.messages];
  const at = Math.floor(random() * messages.length);
  const draw = random();
  if (draw < 0.05) return { method: call.method, messages, change: 'unchanged' };
  if (draw < 0.75) {
    const change = pick(random, fieldChanges);
    // Some messages only become valid again by a second change.
    const twice = random() < 0.2 ? pick(random, fieldChanges) : undefined;
    messages[at] = changeField(messages[at], change, random);
    if (twice) messages[at] = changeField(messages[at], twice, random);
    return { method: call.method, messages, change };
  }
  if (draw < 0.8) {
    const other = pick(random, calls);
    messages[at] = Buffer.concat([messages[at], ...other.messages]);
    return { method: call.method, messages, change: 'two messages in one' };
  }
  if (draw < 0.85)
    return { method: pickCall(random, calls, position).method, messages, change: "another method's message" };
  if (draw < 0.9) return { method: call.method, messages: messages.toReversed(), change: 'messages in another order' };
  const change = pick(random, Object.keys(byteChanges));
  messages[at] = byteChanges[change](messages[at], random);
  return { method: call.method, messages, change };
}

/** When a worker leaves, the run soon ends: seldom enough for the other calls to be reached. */
function pickCall(random, calls, position) {
  let call = pick(random, calls);
  while (position && endings.has(call.method) && random() > 0.002) call = pick(random, calls);
  return call;
}

/** Puts the worker's present caller and step into a recorded message. */
export function placed(method, message, index, { caller, step, ownPace }) {
  if (method === 'Status' || (method === 'Upload' && index > 0)) return message;
  const type = unroll.v1[`${method}Request`];
  const request = type.decode(message);
  const target = method === 'Upload' ? request.target : request;
  if (method === 'Join') {
    target.caller = { ...caller, generation: 0, lease: 0 };
    target.ownPace = ownPace ?? null;
    return type.encode(request).finish();
  }
  target.caller = caller;
  const isNext = method === 'Pull' && target.sumOfSquares !== null && target.sumOfSquares !== undefined;
  if ('step' in target) target.step = isNext ? step + 1 : step;
  return type.encode(request).finish();
}

function grpcCall(random, calls, position) {
  const { method, messages, change } = changedMessages(random, calls, position);
  const path = `${service}${method}`;
  const body = () => Buffer.concat(messages.map((message) => grpcFrame(message)));
  const draw = random();
  if (draw < 0.92) return { kind: change, path, body: body(), ends: true };
  if (draw < 0.94) return { kind: 'another path', path: pick(random, otherPaths), body: body(), ends: true };
  if (draw < 0.96) return { kind: 'call given up', path, body: body(), ends: false };
  if (draw < 0.975) {
    const framing = {
      compressed: Math.floor(3 * random()),
      length: pick(random, [0, 1, 2 ** 31, 2 ** 32 - 1, 5 * 2 ** 20]),
    };
    return { kind: 'length or compression that is not so', path, body: grpcFrame(messages[0], framing), ends: true };
  }
  if (draw < 0.99)
    return { kind: 'call cut off', path, body: body().subarray(0, Math.floor(random() * 40)), ends: true };
  const length = random() < 0.05 ? 5 * 2 ** 20 : Math.floor(3000 * random());
  return { kind: 'random call', path, body: randomBytes(random, Math.min(length, 3000)), ends: true };
}

/** A connection that greets, uploads and pulls, with a change in a message or in the frames. */
function bulkConversation(random, calls, position, authorization) {
  const vectors = calls.filter(({ method }) => method === 'Upload' || method === 'Pull');
  const { BulkHello, UploadRequest } = unroll.v1;
  const hello = bulkFrame(frameKinds.hello, BulkHello.encode({ authorization: authorization ?? '' }).finish());
  const { method, messages, change } = changedMessages(random, vectors, position);
  const frames = [hello];
  if (method === 'Pull') frames.push(bulkFrame(frameKinds.pull, messages[0]));
  else {
    frames.push(bulkFrame(frameKinds.upload, messages[0]));
    for (const message of messages.slice(1)) frames.push(chunkFrame(UploadRequest, message));
    frames.push(bulkFrame(frameKinds.end));
  }
  const draw = random();
  if (draw < 0.7) return { kind: change, bytes: Buffer.concat(frames) };
  const at = Math.floor(random() * frames.length);
  if (draw < 0.8) {
    const lengths = [0, 1].map(() => pick(random, [0, 1, 12, 2 ** 16, 2 ** 22, 2 ** 31, 2 ** 32 - 1]));
    frames[at] = bulkFrame(frames[at].readUInt32LE(0), frames[at].subarray(12), Buffer.alloc(0), lengths);
    return { kind: 'frame lengths', bytes: Buffer.concat(frames) };
  }
  if (draw < 0.85) return { kind: 'frame missing', bytes: Buffer.concat(frames.toSpliced(at, 1)) };
  if (draw < 0.9) return { kind: 'frame twice', bytes: Buffer.concat(frames.toSpliced(at, 0, frames[at])) };
  if (draw < 0.93) {
    frames[at] = bulkFrame(Math.floor(8 * random()), frames[at].subarray(12));
    return { kind: 'frame of another kind', bytes: Buffer.concat(frames) };
  }
  const name = pick(random, Object.keys(byteChanges));
  const changed = byteChanges[name](Buffer.concat(frames), random);
  return { kind: name, bytes: Buffer.concat([Buffer.from('U'), changed]).subarray(random() < 0.5 ? 0 : 1) };
}

/** A chunk's data follows its message. What is not a chunk any more is sent as the message alone. */
function chunkFrame(UploadRequest, message) {
  try {
    const { offsets, data } = UploadRequest.decode(message);
    return bulkFrame(frameKinds.chunk, UploadRequest.encode({ offsets }).finish(), Buffer.from(data));
  } catch {
    return bulkFrame(frameKinds.chunk, message);
  }
}

/** The first words of clients of other protocols. */
const greetings = {
  'TLS greeting': Buffer.from(
    '16030100a5010000a10303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20e0e1e2e3e4e5e6e7e8e9eaebecedeeef',
    'hex',
  ),
  'HTTP/1 request': Buffer.from(
    'GET /metrics HTTP/1.1\r\nhost: localhost\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n',
  ),
  'SSH greeting': Buffer.from('SSH-2.0-OpenSSH_9.7\r\n'),
  'HTTP/2 preface alone': Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  nothing: Buffer.alloc(0),
};

function rawBytes(random) {
  if (random() < 0.4) return { kind: 'random bytes', bytes: randomBytes(random, Math.floor(2000 * random() ** 4)) };
  const kind = pick(random, Object.keys(greetings));
  if (random() < 0.5) return { kind, bytes: greetings[kind] };
  return { kind, bytes: byteChanges[pick(random, Object.keys(byteChanges))](greetings[kind], random) };
}
