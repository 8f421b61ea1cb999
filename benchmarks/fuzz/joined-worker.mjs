// A worker that has the token and joins, for messages that are refused later than those of a stranger. It makes honest
// steps between the others, so that the run goes on.
import { unroll } from '../../packages/param-server/dist/generated/parameter-server.js';
import { grpcFrame } from './bytes.mjs';
import { placed } from './generate.mjs';

const { JoinResponse, UploadRequest, PushRequest } = unroll.v1;
const service = '/unroll.v1.ParameterServer/';
const worker = 1;

export class JoinedWorker {
  #door;
  #authorization;
  #calls;
  #ownPace;
  #processes = 0;
  position;

  constructor(door, { token, calls, staleness }) {
    this.#door = door;
    this.#authorization = `Bearer ${token}`;
    this.#calls = calls;
    this.#ownPace = staleness === undefined ? undefined : { staleness };
    this.position = this.#placeOf({ generation: 1, lease: 0, step: 0 });
  }

  /** Joins as a new process of the worker, and makes a step if the servers let it. */
  async takePlace() {
    this.#processes++;
    const position = this.#placeOf({ generation: 0, lease: 0, step: 0 });
    const joined = await this.#call(
      this.#calls.find(({ method }) => method === 'Join'),
      position,
    );
    if (joined.status !== 'OK') return;
    this.position = this.#placeOf(JoinResponse.decode(joined.bytes.subarray(5)));
    for (const call of this.#calls.filter(isStep)) await this.#call(call, this.position);
  }

  #placeOf({ generation, lease, step }) {
    const caller = { worker, incarnation: 2 ** 41 + this.#processes, generation, lease };
    return { caller, step, ownPace: this.#ownPace };
  }

  #call({ method, messages }, position) {
    const body = Buffer.concat(messages.map((message, k) => grpcFrame(placed(method, message, k, position))));
    return this.#door.call({ path: `${service}${method}`, authorization: this.#authorization, body }, 1000);
  }
}

/** Whether it is one of the calls of this worker's second recorded step. */
function isStep({ method, messages }) {
  if (method !== 'Upload' && method !== 'Push') return false;
  const { target, caller, step } = (method === 'Upload' ? UploadRequest : PushRequest).decode(messages[0]);
  const at = target ?? { caller, step };
  return at.caller.worker === worker && at.step === 1 && !at.encoded;
}
