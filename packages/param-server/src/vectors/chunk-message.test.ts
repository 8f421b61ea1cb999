import { expect, test } from 'vitest';
import { unroll } from '../generated/parameter-server.js';
import { parameterServerService } from '../wire/service-definition.js';
import { chunkMessage } from './chunk-message.js';

const { UploadRequest, PullResponse } = unroll.v1;

const chunks = [
  { offsets: [], data: new Uint8Array(0) },
  { offsets: [0], data: Uint8Array.of(1, 2, 3, 4) },
  { offsets: [127, 128, 16_384, 2 ** 30, 2 ** 32 - 1], data: new Uint8Array(200).map((_, k) => k) },
  { offsets: [5], data: new Uint8Array(100_000).fill(7) },
];

test.each(chunks)('a chunk of $data.length bytes is the message that protobufjs writes', (chunk) => {
  const bytesOf = (message: Buffer) => {
    const bytes = Buffer.alloc(message.length + 5);
    message.copy(bytes, 5);
    return bytes.subarray(5);
  };
  const upload = bytesOf(chunkMessage(chunk, { offsets: 2, data: 3 }));
  expect(upload.equals(UploadRequest.encode(chunk).finish())).toBe(true);
  expect(bytesOf(parameterServerService.upload.requestSerialize(chunk)).equals(upload)).toBe(true);
  const pull = bytesOf(parameterServerService.pull.responseSerialize(chunk));
  expect(pull.equals(PullResponse.encode(chunk).finish())).toBe(true);
});

test('the first message of an upload keeps its target', () => {
  const request = { target: { step: 3, vector: 'gradient' }, offsets: [1], data: Uint8Array.of(1, 2, 3, 4) };
  const bytes = parameterServerService.upload.requestSerialize(request);
  expect(UploadRequest.decode(bytes)).toMatchObject({ target: { step: 3, vector: 'gradient' }, offsets: [1] });
});
