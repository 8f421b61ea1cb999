// A process with the doors that speak HTTP/1 and belong to no parameter server: a gateway's round and a run's page.
//   usage: http-doors.mjs   with the client's token in UNROLL_TOKEN; started by run.mjs
// Sends its ports; answers each message with the number of updates that it has taken, and whether their mean is finite.
import { servePage } from '../../packages/trainer/dist/dashboard/page-server.js';
import { FederatedRound } from '../../packages/trainer/dist/gateway/round.js';
import { serveRound } from '../../packages/trainer/dist/gateway/server.js';
import { gatewayModel, gatewayParameters } from './model.mjs';

const host = '127.0.0.1';
const round = new FederatedRound({
  ...{ model: gatewayModel, parameters: gatewayParameters, clients: 2 ** 31 },
  ...{ clipNorm: 1, noiseMultiplier: 1000 },
});
const gateway = await serveRound(round, {
  ...{ host, port: 0, token: process.env.UNROLL_TOKEN, origin: '*' },
  onUpdate: () => undefined,
});
let updates = 0;
const page = await servePage({ host, port: 0 }, () => async () => ({ updates: ++updates, curve: 'x'.repeat(1000) }));
process.send({ gateway: Number(new URL(gateway.url).port), dashboard: Number(new URL(page.url).port) });
process.on('message', () => {
  const [mean] = Object.values(round.mean({ all: gatewayParameters }));
  process.send({ received: round.received, isFinite: round.received === 0 || mean.every(Number.isFinite) });
});
process.once('disconnect', () => process.exit());
