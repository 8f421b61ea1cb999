import { expect, test } from 'vitest';
import { isOwnHost } from './own-host.js';

test.each([
  '127.0.0.1:7070',
  'localhost:7070',
  'LOCALHOST',
  'run.localhost:7070',
  '[::1]:7070',
  '192.168.1.7',
  undefined,
])('a request to %s is answered on the loopback address', (header) =>
  expect(isOwnHost(header, '127.0.0.1')).toBe(true),
);

test.each(['evil.example', 'evil.example:7070', 'localhost.evil.example', '127.0.0.1.evil.example', '', '[evil]', '@'])(
  "a request to '%s' is not",
  (header) => expect(isOwnHost(header, '127.0.0.1')).toBe(false),
);

test('a server that other machines can reach answers to any name', () => {
  expect(isOwnHost('ps-0.training.example:9400', '0.0.0.0')).toBe(true);
});
