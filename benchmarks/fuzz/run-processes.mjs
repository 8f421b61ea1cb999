// The processes of a run that is fuzzed: a parameter server by its command, honest workers, a gateway and a page. Asks
// the server for its health all the time.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GrpcDoor, sendRaw } from './doors.mjs';
import { WatchedProcess } from './watch.mjs';

const fileOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const unroll = fileOf('../../packages/trainer/bin/unroll.js');

/** How a server says that its run has ended; with anything else it has failed. */
const ordinaryEnd = /^$|the workers left before the training had ended/;

export class Run {
  ports;
  token;
  #server;
  #trainer;
  #httpDoors;
  #health;
  #fault;
  #patience;
  #isOver = false;
  /** Resolves when the server has ended by itself. */
  over;
  /** The longest time that a health check took, in milliseconds. */
  slowestHealth = 0;

  /**
   * @param options.token lets workers and the gateway's clients in
   * @param options.snapshots the server's folder for them
   * @param options.trainer what trainer.mjs takes, but for the port
   * @param options.mayEnd whether the server may end, because a worker says that training has ended
   * @param options.memory the most bytes that a process may take
   * @param options.patience milliseconds within which the server must answer
   * @param options.fault called with what is wrong
   */
  static async start(options) {
    const run = new Run();
    await run.#start(options);
    return run;
  }

  async #start({ token, memory, snapshots, trainer, serverFlags = [], mayEnd = false, patience, fault }) {
    this.token = token;
    this.#fault = fault;
    this.#patience = patience;
    const env = { UNROLL_TOKEN: token };
    const metrics = await freePort();
    const place = ['--port', '0', '--workers', `${trainer.of}`, '--metrics-port', `${metrics}`];
    const policy = ['--snapshot-dir', snapshots, '--snapshot-every', '20', '--log-format', 'plain', ...serverFlags];
    const watched = { env, memory, fault };
    this.#server = new WatchedProcess('the parameter server', [unroll, 'param-server', ...place, ...policy], watched);
    this.#httpDoors = new WatchedProcess('the gateway and the page', [fileOf('http-doors.mjs')], watched);
    const [{ port }, doors] = await Promise.all([this.#server.message('port'), this.#httpDoors.message('gateway')]);
    this.ports = { server: port, metrics, gateway: doors.gateway, dashboard: doors.dashboard };
    this.#httpDoors.ended.then(({ isExpected }) => isExpected || fault('the gateway and the page have ended'));
    this.over = this.#server.ended.then(({ code, signal, isExpected }) => {
      this.#isOver = true;
      if (isExpected) return;
      const last = code === 0 ? '' : this.#server.lines.at(-1);
      if (!mayEnd || signal !== null || !ordinaryEnd.test(last)) {
        fault(`the parameter server has ended with ${signal ?? code}: ${last}`);
      }
    });
    const request = JSON.stringify({ port, ...trainer });
    this.#trainer = new WatchedProcess('the honest workers', [fileOf('trainer.mjs'), request], { env, fault });
    this.#trainer.onMessage((message) => message.fault && fault(message.fault));
    this.#trainer.ended.then(({ code, isExpected }) => {
      if (code !== 0 && !isExpected) fault(`the honest workers have ended: ${this.#trainer.lines.join('\n')}`);
    });
    this.#health = this.#checkHealth();
  }

  /** The greatest memory of the server and of the other doors, in bytes. */
  get peakMemory() {
    return Math.max(this.#server.peakMemory, this.#httpDoors.peakMemory);
  }

  /** Lets the honest workers end, and returns what they have learned: the step and a digest. */
  async learned() {
    const learned = this.#trainer.message('digest');
    this.#trainer.send({ stop: true });
    return learned;
  }

  /** Returns how many updates the gateway has taken, and whether their mean is finite. */
  async gathered() {
    const answer = this.#httpDoors.message('received');
    this.#httpDoors.send({});
    return answer;
  }

  /** The number of lines that the server has written. */
  get logLines() {
    return this.#server.lines.length;
  }

  /** Checks that the doors that speak HTTP/1 still answer. */
  async checkHttpDoors() {
    const requests = { metrics: ['/metrics', 200], gateway: ['/round', 401], dashboard: ['/', 200] };
    for (const [door, [path, expected]] of Object.entries(requests)) {
      if (door === 'metrics' && this.#isOver) continue;
      const request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
      const { status } = await sendRaw(this.ports[door], request, this.#patience);
      if (status !== `HTTP ${expected}`) this.#fault(`${door}: ${path} is not answered with ${expected}: ${status}`);
    }
  }

  async end() {
    this.#isOver = true;
    await this.#health;
    await Promise.all([this.#trainer, this.#server, this.#httpDoors].map((each) => each.end('SIGKILL')));
  }

  kill() {
    for (const each of [this.#trainer, this.#server, this.#httpDoors]) each?.end('SIGKILL');
  }

  async #checkHealth() {
    const door = new GrpcDoor(this.ports.server, { connections: 1, callsEach: 2 ** 30, patience: this.#patience });
    // With the token, the connection is not a stranger's, of which the oldest are closed.
    const check = {
      path: '/grpc.health.v1.Health/Check',
      authorization: `Bearer ${this.token}`,
      body: Buffer.alloc(5),
    };
    let unanswered = 0;
    while (!this.#isOver) {
      const began = performance.now();
      const { status } = await door.call(check);
      const took = performance.now() - began;
      this.slowestHealth = Math.max(this.slowestHealth, took);
      unanswered = status === 'OK' ? 0 : unanswered + took;
      if (unanswered >= this.#patience && !this.#isOver) this.#fault(`no health check is answered: ${status}`);
      await sleep(status === 'OK' ? 100 : 10);
      if (status !== 'OK') unanswered += 10;
    }
    door.close();
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
