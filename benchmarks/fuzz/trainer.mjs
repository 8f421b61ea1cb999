// A process with honest workers. Trains until it is told to stop, or for a number of steps, and sends the digest of
// what was learned. Ends by itself if it is refused, unless it is to go on whatever happens.
//   usage: trainer.mjs JSON   with the token in UNROLL_TOKEN; started by run.mjs
// The JSON: { port, workers: [0, 1], of: 2, pause (milliseconds a step), steps?, goesOn?, staleness? }
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectParameterServers } from '@unroll/param-server/client';
import { gradients, initialValues, laneWidth, model, version } from './model.mjs';

const { port, workers, of, pause, steps, goesOn = false, staleness } = JSON.parse(process.argv[2]);
let last = steps ?? Number.POSITIVE_INFINITY;
let newest = 0;
let restarts = 0;
process.on('message', () => {
  // Workers that train together must stop at the same step.
  last = steps ?? newest + 2;
});
process.once('disconnect', () => process.exit());

async function train(worker) {
  const client = connectParameterServers({
    ...{ serverAddresses: [`127.0.0.1:${port}`], worker, workers: of, version, ...model, staleness },
    ...{ security: { token: process.env.UNROLL_TOKEN }, serverTimeoutSeconds: 30, callSeconds: goesOn ? 5 : 60 },
    start: { values: async () => ({ parameters: initialValues() }), snapshots: 'continue' },
  });
  try {
    const parameters = initialValues();
    await client.enter(parameters);
    while (client.step < last) {
      const lanes = client.lanes.to - client.lanes.from;
      await client.update({
        gradients: gradients(worker, client.step, parameters),
        learningRate: 0.05,
        laneStates: new Float32Array(laneWidth * lanes).fill(client.step),
      });
      newest = Math.max(newest, client.step);
      if (Object.values(parameters).some((values) => !values.every(Number.isFinite))) {
        process.send({ fault: `worker ${worker} was given parameters that are not finite, at step ${client.step}` });
      }
      if (pause > 0) await sleep(pause);
    }
    const snapshot = worker === 0 ? await client.snapshot() : undefined;
    await client.finish();
    return snapshot;
  } finally {
    await client.close().catch(() => undefined);
  }
}

async function trainOn(worker) {
  for (;;) {
    try {
      return await train(worker);
    } catch (error) {
      if (!goesOn) throw error;
      restarts++;
      await sleep(100);
    }
  }
}

const [snapshot] = await Promise.all(workers.map(trainOn));
const digest = createHash('sha256');
for (const values of [snapshot.parameters, ...Object.values(snapshot.slots)]) {
  for (const name of Object.keys(values).sort()) digest.update(name).update(values[name]);
}
digest.update(snapshot.laneStates);
process.send({ step: snapshot.step, digest: digest.digest('hex'), restarts });
process.disconnect();
