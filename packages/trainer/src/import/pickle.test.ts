// Handwritten pickles, operation by operation: checks what is read, and that nothing else is.

import { expect, test } from 'vitest';
import { PickleError, readPickle, Unread } from './pickle.js';
import { readTorchPickle } from './torch-pickle.js';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

const refusing = {
  global: (module: string, name: string): never => {
    throw new PickleError(`asked for ${module}.${name}`);
  },
  call: (): never => {
    throw new PickleError('called');
  },
  persistent: (id: unknown) => ({ id }),
};

test.each([
  ['None', 'N.', null],
  ['a boolean', '\x88.', true],
  ['an integer of one byte', 'K\xff.', 255],
  ['an integer of two bytes', 'M\x00\x01.', 256],
  ['a negative integer', 'J\xfe\xff\xff\xff.', -2],
  ['a long integer', '\x8a\x05\x00\x00\x00\x00\x01.', 2 ** 32],
  ['a negative long integer', '\x8a\x01\xff.', -1],
  ['a float', 'G\x3f\xf8\x00\x00\x00\x00\x00\x00.', 1.5],
  ['a string in UTF-8', 'X\x02\x00\x00\x00\xc3\xa9.', 'é'],
  ['a tuple', '(K\x01K\x02t.', [1, 2]],
  ['a list with what is appended to it', ']K\x01a(K\x02K\x03e.', [1, 2, 3]],
  ['a dictionary', '}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bK\x02u.', new Map(Object.entries({ a: 1, b: 2 }))],
  ['a value kept for later', 'K\x07q\x00h\x00\x86.', [7, 7]],
  ['a persistent id', 'K\x07Q.', { id: 7 }],
])('reads %s', (_, pickle, value) => {
  expect(readPickle(bytes(`\x80\x02${pickle}`), refusing)).toEqual(value);
});

test.each([
  ['the making of an object of any class', '\x80\x02cos\nsystem\n)\x81.', 'asked for os.system'],
  ['a call of any name', '\x80\x02cos\nsystem\n)R.', 'asked for os.system'],
  ['the old way to call by name', '\x80\x02(X\x02\x00\x00\x00lsios\nsystem\n.', 'the operation 0x69'],
  ['a name taken from the stack', '\x80\x02X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93.', 'the operation 0x93'],
  ['an extension code', '\x80\x02\x82\x01.', 'the operation 0x82'],
  ['a later protocol', '\x80\x04N.', 'is of protocol 4'],
])('refuses %s', (_, pickle, message) => {
  expect(() => readPickle(bytes(pickle), refusing)).toThrow(PickleError);
  expect(() => readPickle(bytes(pickle), refusing)).toThrow(message);
});

test.each([
  ['is empty', ''],
  ['ends in the middle of a string', '\x80\x02X\x10\x00\x00\x00abc'],
  ['never stops', '\x80\x02N'],
  ['takes more than it has put down', '\x80\x02a.'],
  ['recalls what it never kept', '\x80\x02h\x05.'],
  ['closes a tuple that it never opened', '\x80\x02t.'],
  ['sets items of a list', '\x80\x02]K\x01K\x02s.'],
])('a pickle that %s is damaged', (_, pickle) => {
  expect(() => readPickle(bytes(pickle), refusing)).toThrow('damaged or cut off');
});

test.each([
  ['an argument of a tensor that is none', '\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02tR.'],
  ['a storage of no type', '\x80\x02(X\x07\x00\x00\x00storageNX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.'],
])('refuses %s', (_, pickle) => {
  expect(() => readTorchPickle(bytes(pickle))).toThrow('does not describe tensors as PyTorch does');
});

test.each([
  ['a function', '\x80\x02cos\nsystem\n.'],
  ['what it returns', '\x80\x02cos\nsystem\n(X\x02\x00\x00\x00lstR.'],
  ['an object with its attributes', '\x80\x02cos\nsystem\n)\x81}X\x01\x00\x00\x00aK\x01sb.'],
  ['an object with items', '\x80\x02cos\nsystem\n)\x81(X\x01\x00\x00\x00aK\x01uK\x02a.'],
])('%s of an unknown name stays unread', (_, pickle) => {
  expect(readTorchPickle(bytes(pickle))).toEqual(new Unread('os.system'));
});

test('refuses to call a type of storage', () => {
  expect(() => readTorchPickle(bytes('\x80\x02ctorch\nFloatStorage\n)R.'))).toThrow('nothing was executed');
});
