// Sends a seed's messages to a run, many at a time, and checks each answer.
import { GrpcDoor, sendBulk, sendRaw } from './doors.mjs';
import { messageOf } from './generate.mjs';
import { JoinedWorker } from './joined-worker.mjs';

/** Messages that are being answered at a time. With their connections, they stay below what a server closes. */
const atOnce = 24;
/** Milliseconds after which a call that waits for other workers is given up. */
const patience = { grpc: 100, bulk: 100, other: 500 };
/** Messages of a joined worker after which it joins anew, as its place may be lost. */
const messagesInPlace = 200;

/** The service's methods are refused to strangers; health is for all. */
const guarded = /^\/unroll\./;

export class Fuzzing {
  #options;
  #grpc;
  #worker;
  #inFlight = new Map();

  /**
   * @param options.run the run's processes
   * @param options.who 'stranger' or 'worker'
   * @param options.calls the recorded calls
   * @param options.staleness that of a run in which workers go at their own pace
   * @param options.answered called with each message and the status of its answer
   * @param options.fault called with what is wrong
   */
  constructor(options) {
    this.#options = options;
    const { run, who, calls, staleness } = options;
    // A server ends a stranger's connection after its 32nd call.
    const callsEach = who === 'stranger' ? 32 : 5000;
    this.#grpc = new GrpcDoor(run.ports.server, { connections: 4, callsEach, patience: patience.grpc });
    if (who === 'worker') this.#worker = new JoinedWorker(this.#grpc, { token: run.token, calls, staleness });
  }

  /** Lines that name the messages which have not been answered yet. */
  get inFlight() {
    return [...this.#inFlight].map(([number, { door, kind, path = '', bytes, body }]) => {
      const begin = (bytes ?? body).toString('hex', 0, 200);
      return `${this.#options.who} ${number}: ${door} ${path} (${kind}) ${begin}`;
    });
  }

  /** Sends the messages `[from, to)`, or fewer if the run ends. Returns the number of the next. */
  async send(from, to) {
    let next = from;
    await this.#worker?.takePlace();
    const loop = async () => {
      while (next < to && !this.#grpc.isShut) {
        const number = next++;
        if (this.#worker && number % messagesInPlace === messagesInPlace - 1) await this.#worker.takePlace();
        await this.#sendOne(number);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, loop));
    this.#grpc.close();
    if (this.#grpc.isShut) await this.#options.run.over;
    return next;
  }

  async #sendOne(number) {
    const { run, who, seed, calls, answered } = this.#options;
    const message = messageOf({ seed, who, number, calls, token: run.token, position: this.#worker?.position });
    this.#inFlight.set(number, message);
    const answer = await this.#answer(message, run.ports);
    this.#inFlight.delete(number);
    this.#check(number, message, answer);
    answered({ who, ...message, status: answer.status });
  }

  #answer(message, ports) {
    const { door, bytes } = message;
    if (door === 'grpc') return this.#grpc.call(message);
    if (door === 'bulk') return sendBulk(ports.server, bytes, patience.bulk);
    return sendRaw(ports[door] ?? ports.server, bytes, patience.other);
  }

  #check(number, { door, kind, path = '' }, { status, details }) {
    const { who, fault } = this.#options;
    const what = `${who}'s message ${number} (${door} ${path}, ${kind})`;
    if (/^the parameter server failed: /.test(details)) fault(`${what} was answered: ${details}`);
    if (who !== 'stranger') return;
    const letIn = door === 'grpc' ? guarded.test(path) && status === 'OK' : door === 'bulk' && status === 'OK';
    const isTaken = door === 'gateway' && (status === 'HTTP 202' || status === 'HTTP 200');
    if (letIn || isTaken) fault(`${what} was let in: ${status}`);
  }
}
