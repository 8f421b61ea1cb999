/**
 * Reads the part of Python's pickle format, protocol 2, in which PyTorch describes tensors. A pickle is a program for a
 * small stack machine. This machine can build numbers, strings, lists and dictionaries. For anything else that a pickle
 * requests by name, the host supplies a value, or it becomes an {@link Unread} value. No Python object is looked up,
 * and nothing is run.
 * https://github.com/python/cpython/blob/main/Lib/pickletools.py describes every operation.
 */

/** Supplies the objects that a pickle refers to by name. Each method may throw a {@link PickleError}. */
export interface PickleHost {
  /** Returns the object `module.name`, for use by `call` or as a value. */
  global(module: string, name: string): unknown;
  /** Returns the result of calling an object from `global`. */
  call(callable: unknown, args: readonly unknown[]): unknown;
  /** Returns the object that is stored outside the pickle under `id`. */
  persistent(id: unknown): unknown;
}

/** A placeholder for an object of an unknown class. Anything that a pickle puts into it is dropped. */
export class Unread {
  /** `module.name` of the class, or of the function that makes the object. */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** The reason for refusing a pickle, without the file's name. */
export class PickleError extends Error {}

/**
 * Reads the value of a pickle: dictionaries as Maps, lists and tuples as arrays, None as null.
 * @throws PickleError if it is cut off, or contains an operation that is not known here; the host's errors
 */
export function readPickle(bytes: Uint8Array, host: PickleHost): unknown {
  const machine = new Machine(bytes, host);
  for (;;) {
    const code = machine.uint(1);
    if (code === stop) return machine.pop();
    const operation = operations[String.fromCharCode(code)];
    if (!operation) {
      const hex = code.toString(16).padStart(2, '0');
      throw new PickleError(`its pickle has the operation 0x${hex}, which protocol 2 of a state_dict does not need`);
    }
    operation(machine);
  }
}

const stop = '.'.charCodeAt(0);

class Machine {
  readonly host: PickleHost;
  readonly memo = new Map<number, unknown>();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  #position = 0;

  constructor(bytes: Uint8Array, host: PickleHost) {
    this.host = host;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    this.#requireAbove(this.#marks.at(-1) ?? 0);
    return this.#stack.pop();
  }

  top(): unknown {
    this.#requireAbove(0);
    return this.#stack.at(-1);
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** Removes the last mark and all values above it, and returns the values. */
  popToMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw damaged();
    return this.#stack.splice(mark);
  }

  popTuple(length: number): unknown[] {
    const values = Array.from({ length }, () => this.pop());
    return values.reverse();
  }

  uint(width: 1 | 2 | 4): number {
    const at = this.#advance(width);
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  float64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** Reads a signed integer of `width` bytes, as a number. */
  long(width: number): number {
    const at = this.#advance(width);
    let value = 0n;
    for (let k = width - 1; k >= 0; k--) value = (value << 8n) | BigInt(this.#bytes[at + k]!);
    return Number(BigInt.asIntN(8 * width, value));
  }

  utf8(length: number): string {
    const at = this.#advance(length);
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length));
  }

  line(): string {
    const end = this.#bytes.indexOf('\n'.charCodeAt(0), this.#position);
    if (end < 0) throw damaged();
    const text = this.utf8(end - this.#position);
    this.#position = end + 1;
    return text;
  }

  #advance(count: number): number {
    const at = this.#position;
    if (at + count > this.#bytes.length) throw damaged();
    this.#position = at + count;
    return at;
  }

  #requireAbove(depth: number): void {
    if (this.#stack.length <= depth) throw damaged();
  }
}

/** Operations by their character in a pickle; Python's names for them are on the right. */
const operations: Readonly<Record<string, (machine: Machine) => void>> = {
  '\x80': requireProtocol2, // PROTO
  N: (machine) => machine.push(null), // NONE
  '\x88': (machine) => machine.push(true), // NEWTRUE
  '\x89': (machine) => machine.push(false), // NEWFALSE
  K: (machine) => machine.push(machine.uint(1)), // BININT1
  M: (machine) => machine.push(machine.uint(2)), // BININT2
  J: (machine) => machine.push(machine.int32()), // BININT
  '\x8a': (machine) => machine.push(machine.long(machine.uint(1))), // LONG1
  G: (machine) => machine.push(machine.float64()), // BINFLOAT
  X: (machine) => machine.push(machine.utf8(machine.uint(4))), // BINUNICODE
  '(': (machine) => machine.mark(), // MARK
  ')': (machine) => machine.push([]), // EMPTY_TUPLE
  ']': (machine) => machine.push([]), // EMPTY_LIST
  '}': (machine) => machine.push(new Map()), // EMPTY_DICT
  t: (machine) => machine.push(machine.popToMark()), // TUPLE
  '\x85': (machine) => machine.push(machine.popTuple(1)), // TUPLE1
  '\x86': (machine) => machine.push(machine.popTuple(2)), // TUPLE2
  '\x87': (machine) => machine.push(machine.popTuple(3)), // TUPLE3
  a: (machine) => append(machine, [machine.pop()]), // APPEND
  e: (machine) => append(machine, machine.popToMark()), // APPENDS
  s: (machine) => setItems(machine, machine.popTuple(2)), // SETITEM
  u: (machine) => setItems(machine, machine.popToMark()), // SETITEMS
  q: (machine) => machine.memo.set(machine.uint(1), machine.top()), // BINPUT
  r: (machine) => machine.memo.set(machine.uint(4), machine.top()), // LONG_BINPUT
  h: (machine) => recall(machine, machine.uint(1)), // BINGET
  j: (machine) => recall(machine, machine.uint(4)), // LONG_BINGET
  c: (machine) => machine.push(machine.host.global(machine.line(), machine.line())), // GLOBAL
  Q: (machine) => machine.push(machine.host.persistent(machine.pop())), // BINPERSID
  R: call, // REDUCE
  '\x81': call, // NEWOBJ
  b: ignoreAttributes, // BUILD
};

function requireProtocol2(machine: Machine): void {
  const protocol = machine.uint(1);
  if (protocol === 2) return;
  throw new PickleError(`its pickle is of protocol ${protocol}; save it again with torch.save's own default, 2`);
}

function append(machine: Machine, values: readonly unknown[]): void {
  const list = machine.top();
  if (list instanceof Unread) return;
  if (!Array.isArray(list)) throw damaged();
  for (const value of values) list.push(value);
}

function setItems(machine: Machine, keysAndValues: readonly unknown[]): void {
  const dictionary = machine.top();
  if (dictionary instanceof Unread) return;
  if (!(dictionary instanceof Map) || keysAndValues.length % 2 !== 0) throw damaged();
  for (let k = 0; k < keysAndValues.length; k += 2) dictionary.set(keysAndValues[k], keysAndValues[k + 1]);
}

function recall(machine: Machine, index: number): void {
  if (!machine.memo.has(index)) throw damaged();
  machine.push(machine.memo.get(index));
}

function call(machine: Machine): void {
  const args = machine.pop();
  if (!Array.isArray(args)) throw damaged();
  machine.push(machine.host.call(machine.pop(), args));
}

/**
 * Drops an object's attributes. A state_dict is a dictionary with an attribute, `_metadata`, that says nothing about
 * its tensors.
 */
function ignoreAttributes(machine: Machine): void {
  machine.pop();
  const object = machine.top();
  if (!(object instanceof Map || object instanceof Unread)) throw damaged();
}

function damaged(): PickleError {
  return new PickleError('its pickle is damaged or cut off');
}
