// A server that loses an answer although its connection lives, as after a failed write on it.
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { unroll } from '../generated/parameter-server.js';
import { parameterServerService } from '../wire/service-definition.js';
import { ShardConnection } from './shard-connection.js';

type Push = ServerUnaryCall<unroll.v1.PushRequest, unroll.v1.PushResponse>;

const { push } = parameterServerService;
const server = new Server();
let calls = 0;
let port = 0;

beforeAll(async () => {
  server.addService(
    { push },
    {
      push: (_: Push, answer: sendUnaryData<unroll.v1.PushResponse>) => {
        calls++;
        if (calls > 2) answer(null, { sumOfSquares: 7 } as unroll.v1.PushResponse);
      },
    },
  );
  port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
});
afterAll(() => server.forceShutdown());

const request = { caller: { worker: 0, incarnation: 1 }, step: 3 } as unroll.v1.PushRequest;
const place = { shard: 0, shards: 1, patienceSeconds: 10 };

test('a push that is not answered is made again, on the same connection', async () => {
  const options = { address: `127.0.0.1:${port}`, ...place, callSeconds: 60, repeatSeconds: 0.2 };
  const connection = new ShardConnection(options);
  await expect(connection.push(request)).resolves.toMatchObject({ sumOfSquares: 7 });
  expect(calls).toBe(3);
  connection.close();
});

test('until its time is over', async () => {
  calls = Number.NEGATIVE_INFINITY;
  const options = { address: `127.0.0.1:${port}`, ...place, callSeconds: 1, repeatSeconds: 0.3 };
  const connection = new ShardConnection(options);
  await expect(connection.push(request)).rejects.toThrow('no answer to Push within');
  connection.close();
});

test('the time that the worker itself stands still is not counted: it can rejoin', async () => {
  calls = Number.NEGATIVE_INFINITY;
  const connection = new ShardConnection({ address: `127.0.0.1:${port}`, ...place, callSeconds: 2.5 });
  await connection.ready();
  const answer = connection.push(request);
  answer.catch(() => undefined);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
  await expect(answer).rejects.toMatchObject({ code: status.UNAVAILABLE });
  await expect(answer).rejects.toThrow('this process stood still meanwhile');
  connection.close();
});
