import { expect, test } from 'vitest';
import { connectParameterServers } from '../index.js';
import { addressFault } from './server-address.js';

test.each([...['ps0:7000', 'unroll-server-0-0.unroll:7000', '10.0.0.1:1', 'a_b:65535', '[::1]:7000', '[fe80::1]:443']])(
  '%s is an address',
  (address) => expect(addressFault(address)).toBe(undefined),
);

test.each([
  ['', 'is empty'],
  [' ps0:7000', 'has a blank in it'],
  ['ps0: 7000', 'has a blank in it'],
  ['http://ps0:7000', 'is a URL; write host:port, without http://'],
  ['grpc://ps0:7000', 'is a URL; write host:port, without grpc://'],
  ['::1:7000', 'is an IPv6 address without brackets; write host and port as in [::1]:7000'],
  ['fe80::1', 'is an IPv6 address without brackets'],
  ['ps0:7000:1', 'is an IPv6 address without brackets'],
  ['[ps0]:7000', 'has no IPv6 address in its brackets'],
  ['[::1]', 'has no port'],
  ['ps0', 'has no port; write host:port, as in ps0:7000'],
  ['ps0:', 'has no port'],
  ['ps0:0', 'has no port from 1 to 65535'],
  ['ps0:70000', 'has no port from 1 to 65535'],
  ['ps0:7000/', 'is no host:port'],
  ['ps0:http', 'is no host:port'],
  [':7000', 'is no host:port'],
])("'%s' is none: %s", (address, fault) => expect(addressFault(address)).toContain(fault));

test('a client is not made for what is no address', () => {
  const options = { serverAddresses: ['ps0:7000', 'http://ps1:7000'], worker: 0, workers: 1, version: '1' };
  const model = { parameters: [], optimizer: { name: 'sgd' }, lanes: { count: 1, width: 1 } } as const;
  const start = { values: async () => ({ parameters: {} }) };
  expect(() => connectParameterServers({ ...options, ...model, clipNorm: undefined, run: 'a run', start })).toThrow(
    "serverAddresses: 'http://ps1:7000' is a URL; write host:port, without http://",
  );
});
