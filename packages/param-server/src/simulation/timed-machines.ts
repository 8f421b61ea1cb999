/**
 * Gives the machines of a simulated run a speed: messages take time in proportion to their bytes, and computing takes
 * as long as it was measured to take. The protocol is the simulator's own; here is only when things happen.
 *
 * A machine has one thread and a link with two directions. Each does one thing at a time, in order of arrival. A long
 * message travels in pieces, a few of them under way at once, so that messages of one machine share its link.
 */
import type { VirtualTime } from './virtual-time.js';

export interface MachineSpeeds {
  /** The speed of a link, in bytes a second. */
  readonly link: { readonly out: number; readonly in: number };
  /** Seconds before a message arrives, whatever its size. */
  readonly latency: number;
  /** Processor time of a worker's thread, in seconds. */
  readonly worker: { readonly perByteSent: number; readonly perByteReceived: number };
  /** Processor time of a server's thread, in seconds. An update takes its time for each byte of the shard's values. */
  readonly server: { readonly perByteSent: number; readonly perByteReceived: number; readonly perByteUpdated: number };
  /** Bytes on the wire for each byte of a simulated gradient, and of the parameters that come back. */
  readonly scale: { readonly up: number; readonly down: number };
  /** Returns the seconds that a worker computes for a step. */
  readonly computeSeconds: (worker: number, step: number) => number;
}

const [pieceBytes, mostPieces, piecesUnderWay] = [2 ** 20, 32, 2];

export class TimedMachines {
  /** When each worker began to compute its steps, in virtual seconds. */
  readonly stepStarts: readonly number[][];
  readonly #speeds: MachineSpeeds;
  readonly #time: VirtualTime;
  readonly #workers: readonly Machine[];
  readonly #servers: readonly Machine[];

  constructor(speeds: MachineSpeeds, workers: number, shards: number, time: VirtualTime) {
    const { link, worker, server } = speeds;
    this.#speeds = speeds;
    this.#time = time;
    this.stepStarts = Array.from({ length: workers }, () => []);
    const machines = (count: number, costs: PerByte) =>
      Array.from({ length: count }, () => new Machine(time, link, costs));
    this.#workers = machines(workers, worker);
    this.#servers = machines(shards, server);
  }

  /** Resolves when a worker has computed its gradient. */
  compute(worker: number, step: number): Promise<void> {
    this.stepStarts[worker]!.push(this.#time.now);
    return this.#busy(this.#workers[worker]!, this.#speeds.computeSeconds(worker, step));
  }

  /** Resolves when a shard has updated values of so many simulated bytes. */
  update(shard: number, bytes: number): Promise<void> {
    const { server, scale } = this.#speeds;
    return this.#busy(this.#servers[shard]!, bytes * scale.down * server.perByteUpdated);
  }

  /** Carries a message; one without vectors takes only the latency. */
  carryToServer(worker: number, shard: number, bytes: number, arrive: () => void): void {
    this.#carry(this.#workers[worker]!, this.#servers[shard]!, bytes * this.#speeds.scale.up, arrive);
  }

  carryToWorker(shard: number, worker: number, bytes: number, arrive: () => void): void {
    this.#carry(this.#servers[shard]!, this.#workers[worker]!, bytes * this.#speeds.scale.down, arrive);
  }

  #busy(machine: Machine, seconds: number): Promise<void> {
    return new Promise((resolve) => machine.thread.use(seconds, resolve));
  }

  #carry(from: Machine, to: Machine, bytes: number, arrive: () => void): void {
    const pieces = Math.min(mostPieces, Math.ceil(bytes / pieceBytes));
    if (pieces === 0) {
      this.#time.after(this.#speeds.latency, arrive);
      return;
    }
    let [sent, arrived] = [0, 0];
    const send = (): void => {
      sent++;
      from.send(bytes / pieces, () =>
        this.#time.after(this.#speeds.latency, () => to.receive(bytes / pieces, received)),
      );
    };
    const received = (): void => {
      arrived++;
      if (arrived === pieces) arrive();
      else if (sent < pieces) send();
    };
    for (let k = 0; k < Math.min(pieces, piecesUnderWay); k++) send();
  }
}

interface PerByte {
  readonly perByteSent: number;
  readonly perByteReceived: number;
}

class Machine {
  readonly thread: Queue;
  readonly #out: Queue;
  readonly #in: Queue;
  readonly #link: MachineSpeeds['link'];
  readonly #costs: PerByte;

  constructor(time: VirtualTime, link: MachineSpeeds['link'], costs: PerByte) {
    this.#link = link;
    this.#costs = costs;
    this.thread = new Queue(time);
    this.#out = new Queue(time);
    this.#in = new Queue(time);
  }

  send(bytes: number, sent: () => void): void {
    this.thread.use(bytes * this.#costs.perByteSent, () => this.#out.use(bytes / this.#link.out, sent));
  }

  receive(bytes: number, received: () => void): void {
    this.#in.use(bytes / this.#link.in, () => this.thread.use(bytes * this.#costs.perByteReceived, received));
  }
}

/** A thread, or one direction of a link: does one thing at a time, in the order in which they come. */
class Queue {
  readonly #time: VirtualTime;
  #freeAt = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  use(seconds: number, done: () => void): void {
    this.#freeAt = Math.max(this.#time.now, this.#freeAt) + seconds;
    this.#time.after(this.#freeAt - this.#time.now, done);
  }
}
