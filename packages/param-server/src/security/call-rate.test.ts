import { once } from 'node:events';
import { connect, constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { CallMeter, limitCallRate } from './call-rate.js';
import { RefusalLog } from './refusal-log.js';

const admitted = (meter: CallMeter, calls: number, now: number) =>
  Array.from({ length: calls }, () => meter.admits(now)).filter(Boolean).length;

test('two thousand calls may come at once, and five thousand a second', () => {
  const meter = new CallMeter(100);
  expect(admitted(meter, 9000, 100)).toBe(2000);
  expect(admitted(meter, 9000, 100.25)).toBe(1250);
  expect(admitted(meter, 9000, 1000)).toBe(2000);
});

test('a connection that calls faster is told to be calm, and ends; a line says so', async () => {
  const lines: string[] = [];
  const refusals = new RefusalLog((line) => lines.push(line));
  const standingStill = () => 0;
  const server = createServer((_, response) => response.end());
  server.on('session', (session) => limitCallRate(session, refusals, standingStill)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on('error', () => undefined);
  const goaway = once(session, 'goaway');
  let answered = 0;
  const call = () => {
    if (session.destroyed || session.closed) return;
    const stream = session.request();
    stream.resume().on('error', () => undefined);
    stream.on('end', () => {
      answered++;
      call();
    });
  };
  for (let k = 0; k < 10; k++) call();
  expect((await goaway)[0]).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  expect(answered).toBeGreaterThan(1900);
  expect(lines).toEqual(['refused a connection from 127.0.0.1: more than 5000 calls a second']);
  session.destroy();
  server.close();
});
