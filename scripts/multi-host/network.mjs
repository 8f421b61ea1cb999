// Machines of a make-believe network on this one: network namespaces whose virtual cables end in a switch, itself a namespace,
// so that nothing of the machine's own network is touched. Linux, root and iproute2.
import { execFileSync } from 'node:child_process';

/** Runs a command of iproute2. @throws Error with the first line that it complained with */
function run(...command) {
  try {
    return execFileSync(command[0], command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const said = String(error.stderr || error.message)
      .trim()
      .split('\n')[0];
    throw new Error(`${command.join(' ')}: ${said}`);
  }
}

/** Why this machine cannot have such a network, in words for whoever reads the test's output; undefined if it can. */
export function obstacle() {
  if (process.platform !== 'linux') return `network namespaces are Linux's, and this is ${process.platform}`;
  if (process.getuid() !== 0) return 'network namespaces need root';
  const probe = `unroll-${process.pid}-probe`;
  try {
    run('ip', 'netns', 'add', probe);
    run('ip', 'netns', 'exec', probe, 'tc', 'qdisc', 'show');
    return undefined;
  } catch (error) {
    return `no network namespaces here (${error.message})`;
  } finally {
    remove(probe);
  }
}

function remove(namespace) {
  try {
    run('ip', 'netns', 'del', namespace);
  } catch {
    // It was not made.
  }
}

/** Machines on one switch, until it is closed. */
export class Network {
  #prefix = `unroll-${process.pid}-`;
  #machines;

  /** @param machines their names, at most 8 letters each */
  constructor(machines) {
    this.#machines = machines;
    try {
      run('ip', 'netns', 'add', this.#namespace('switch'));
      this.#inSwitch('ip', 'link', 'add', 'bridge', 'type', 'bridge');
      this.#inSwitch('ip', 'link', 'set', 'bridge', 'up');
      for (const name of machines) this.#plug(name);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** A machine's address. */
  address(name) {
    return `10.77.0.${this.#machines.indexOf(name) + 1}`;
  }

  /** The command, as one that runs on that machine. */
  on(name, ...command) {
    return ['ip', 'netns', 'exec', this.#namespace(name), ...command];
  }

  /** Every machine sends through this queueing discipline of `tc`. @throws Error if the kernel has none such */
  shape(...discipline) {
    for (const name of this.#machines)
      run(...this.on(name, 'tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...discipline));
  }

  /** Undoes {@link shape}. */
  unshape() {
    for (const name of this.#machines) {
      if (/netem|tbf/.test(this.#queue(name))) run(...this.on(name, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'root'));
    }
  }

  /** Packets that the machines have sent, and that their queues have dropped. */
  traffic() {
    const counts = this.#machines.map(
      (name) => /Sent \d+ bytes (\d+) pkt \(dropped (\d+)/.exec(this.#queue(name)) ?? [],
    );
    const sum = (k) => counts.reduce((total, count) => total + Number(count[k] ?? 0), 0);
    return { sent: sum(1), dropped: sum(2) };
  }

  /** The switch forwards nothing from or to that machine, which still has a live cable. */
  cutOff(name) {
    this.#inSwitch('ip', 'link', 'set', name, 'nomaster');
  }

  /** Undoes {@link cutOff}. */
  reconnect(name) {
    this.#inSwitch('ip', 'link', 'set', name, 'master', 'bridge');
  }

  close() {
    for (const name of [...this.#machines, 'switch']) remove(this.#namespace(name));
  }

  #namespace(name) {
    return this.#prefix + name;
  }

  #inSwitch(...command) {
    return run(...this.on('switch', ...command));
  }

  #queue(name) {
    return run(...this.on(name, 'tc', '-s', 'qdisc', 'show', 'dev', 'eth0'));
  }

  #plug(name) {
    run('ip', 'netns', 'add', this.#namespace(name));
    this.#inSwitch('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#namespace(name));
    this.#inSwitch('ip', 'link', 'set', name, 'master', 'bridge', 'up');
    run(...this.on(name, 'ip', 'address', 'add', `${this.address(name)}/24`, 'dev', 'eth0'));
    run(...this.on(name, 'ip', 'link', 'set', 'eth0', 'up'));
    run(...this.on(name, 'ip', 'link', 'set', 'lo', 'up'));
  }
}
