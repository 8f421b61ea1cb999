// Reads a message of Protocol Buffers as a tree of fields, without its schema, and changes one of them: its number, its
// type, its length, its value. Everything is drawn from a random function, so that a seed gives the same change again.
import { varint } from './bytes.mjs';

/** Integers at which a program may miscount. */
const integers = [
  ...[0n, 1n, 2n, 127n, 128n, 255n, 2n ** 16n, 2n ** 20n, 2n ** 30n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n],
  ...[2n ** 32n, 2n ** 52n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n],
];
const doubles = [NaN, Infinity, -Infinity, 0, -0, -1, 1e-320, 1e38, 1e300, -1e300, 2 ** 53, 0.5];
const floats = [NaN, Infinity, -Infinity, 3.4e38, -3.4e38, 1e20, -1e20, 1e-44, 0];
const texts = [
  ...['', '__proto__', 'constructor', '../../etc/passwd', 'parameters', 'momentum', 'gradient', 'rows', 'lanes'],
  ...['kernel', 'sgd', 'adam', '\u0000', '\u001b]0;title\u0007', '💥'.repeat(100), 'x'.repeat(70_000)],
];

/** The ways to change a field, by name. Each takes the field and its siblings, and changes the siblings in place. */
const changes = {
  'missing field': ({ fields, at }) => fields.splice(at, 1),
  'field twice': ({ fields, at, random }) => {
    const times = random() < 0.01 ? 2000 : 1 + Math.floor(3 * random());
    fields.splice(at, 0, ...Array(times).fill(fields[at]));
  },
  'fields in another order': ({ fields, at }) => fields.unshift(...fields.splice(at, 1)),
  'unknown field': ({ fields, at, random }) => {
    fields[at] = { ...fields[at], number: [0, 19, 200, 19_000, 2 ** 29 - 1][Math.floor(5 * random())] };
  },
  "another field's number": ({ fields, at, random }) => {
    fields[at] = { ...fields[at], number: 1 + Math.floor(18 * random()) };
  },
  'another wire type': ({ fields, at, random }) => {
    fields[at] = { ...fields[at], wire: Math.floor(8 * random()) };
  },
  'length or integer': ({ fields, at, random }) => {
    const field = fields[at];
    const near = random() < 0.3;
    const value = near ? integerOf(field) + BigInt(Math.floor(5 * random()) - 2) : pick(random, integers);
    if (field.wire === 0) fields[at] = { ...field, value };
    else fields[at] = { ...field, declared: value };
  },
  'overlong integer': ({ fields, at, random }) => {
    fields[at] = { ...fields[at], wire: 0, raw: Buffer.alloc(9 + Math.floor(4 * random()), 0xff) };
  },
  number: ({ fields, at, random }) => {
    const raw = Buffer.alloc(8);
    raw.writeDoubleLE(pick(random, doubles));
    fields[at] = { ...fields[at], wire: 1, raw };
  },
  text: ({ fields, at, random }) => {
    fields[at] = { ...fields[at], wire: 2, fields: undefined, raw: Buffer.from(pick(random, texts)) };
  },
  floats: ({ fields, at, random }) => {
    const raw = Buffer.from(rawOf(fields[at]));
    const count = random() < 0.2 ? raw.length : 1;
    for (let k = 0; k < count && raw.length >= 4; k++) {
      raw.writeFloatLE(pick(random, floats), 4 * Math.floor(random() * Math.floor(raw.length / 4)));
    }
    fields[at] = { ...fields[at], fields: undefined, raw };
  },
  'integers in a list': ({ fields, at, random }) => {
    const few = Buffer.concat(
      Array.from({ length: 1 + Math.floor(6 * random()) }, () => varint(pick(random, integers))),
    );
    const raw = random() < 0.01 ? Buffer.alloc(300_000, few) : few;
    fields[at] = { ...fields[at], wire: 2, fields: undefined, raw };
  },
  'shorter or longer bytes': ({ fields, at, random }) => {
    const raw = Buffer.from(rawOf(fields[at]));
    const length = Math.floor(random() * (random() < 0.01 ? 2 ** 21 : 2 * raw.length + 8));
    const resized = Buffer.concat([raw, Buffer.alloc(Math.max(0, length - raw.length), 7)]).subarray(0, length);
    fields[at] = { ...fields[at], fields: undefined, raw: resized };
  },
};

export const fieldChanges = Object.keys(changes);

/** Changes one field of the message, at any depth. */
export function changeField(message, change, random) {
  const tree = parse(message);
  if (!tree || tree.length === 0) return Buffer.concat([message, varint(pick(random, integers))]);
  let fields = tree;
  let at = Math.floor(random() * fields.length);
  while (fields[at].fields?.length > 0 && random() < 0.8) {
    fields = fields[at].fields;
    at = Math.floor(random() * fields.length);
  }
  changes[change]({ fields, at, random });
  return serialize(tree);
}

const pick = (random, values) => values[Math.floor(random() * values.length)];
const rawOf = (field) => field.raw ?? (field.fields ? serialize(field.fields) : varint(field.value));
const integerOf = (field) => field.value ?? BigInt(rawOf(field).length);

/** Returns the fields; undefined if the bytes are no message. */
function parse(bytes, depth = 0) {
  const fields = [];
  let at = 0;
  const readVarint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const key = readVarint();
    if (key === undefined) return undefined;
    const [number, wire] = [Number(key >> 3n), Number(key & 7n)];
    if (number === 0 || number > 100) return undefined;
    if (wire === 0) {
      const value = readVarint();
      if (value === undefined) return undefined;
      fields.push({ number, wire, value });
      continue;
    }
    const length = { 1: 8, 5: 4 }[wire] ?? (wire === 2 ? readVarint() : undefined);
    if (length === undefined || at + Number(length) > bytes.length) return undefined;
    const raw = bytes.subarray(at, at + Number(length));
    at += Number(length);
    const nested = wire === 2 && depth < 4 && raw.length > 0 ? parse(raw, depth + 1) : undefined;
    fields.push(nested ? { number, wire, fields: nested } : { number, wire, raw });
  }
  return fields;
}

function serialize(fields) {
  return Buffer.concat(
    fields.flatMap((field) => {
      const body = rawOf(field);
      const key = varint(8 * field.number + field.wire);
      return field.wire === 2 ? [key, varint(field.declared ?? body.length), body] : [key, body];
    }),
  );
}
