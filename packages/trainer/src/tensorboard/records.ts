/**
 * TFRecord files, as sequences of byte strings. A record is its length (uint64, little-endian), the masked CRC-32C of
 * the length, the bytes, and their masked CRC-32C; see tensorflow/core/lib/io/record_writer.h.
 */
import { maskedCrc32c } from './crc32c.js';

const [headerBytes, footerBytes] = [12, 4];

/** Returns a record that contains these bytes. */
export function recordOf(bytes: Uint8Array): Buffer {
  const record = Buffer.alloc(headerBytes + bytes.length + footerBytes);
  record.writeBigUInt64LE(BigInt(bytes.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(bytes, headerBytes);
  record.writeUInt32LE(maskedCrc32c(bytes), headerBytes + bytes.length);
  return record;
}
