import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { unroll } from '../generated/parameter-server.js';
import { parameterServerService } from '../wire/service-definition.js';
import { ShardConnection } from './shard-connection.js';
import { ShardGroup } from './shard-group.js';

test('a goodbye that is lost is said again', async () => {
  let heard = 0;
  const server = new Server();
  server.addService(parameterServerService, {
    join: (_: unknown, answer: (error: null, value: object) => void) => answer(null, {}),
    leave: (_: unknown, answer: (error: { code: status } | null, value?: object) => void) => {
      heard++;
      if (heard === 1) answer({ code: status.UNAVAILABLE });
      else answer(null, {});
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const options = { address: `127.0.0.1:${port}`, shard: 0, shards: 1, callSeconds: 60, patienceSeconds: 60 };
  const connection = new ShardConnection(options);
  // A server that received no request need not be told of the end.
  await connection.join(new unroll.v1.JoinRequest());
  const group = new ShardGroup([connection], [{ length: 0, denseLength: 0, slices: [], tables: [] }]);
  await group.leave({ caller: { worker: 0, incarnation: 1 }, finished: true });
  server.forceShutdown();
  expect(heard).toBe(2);
});
