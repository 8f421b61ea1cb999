import { expect, test } from 'vitest';
import { isLoopback } from './loopback.js';

test.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', 'localhost'])('%s is this machine only', (host) => {
  expect(isLoopback(host)).toBe(true);
});

test.each(['0.0.0.0', '::', '10.0.0.1', '192.168.1.7', 'ps0', 'localhost.example.org', '127.0.0.1.example.org', ''])(
  "'%s' may be reached from other machines",
  (host) => expect(isLoopback(host)).toBe(false),
);
