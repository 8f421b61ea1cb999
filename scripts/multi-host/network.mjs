// Simulates a network of machines on this one: network namespaces whose virtual cables end in a switch, which is itself
// a namespace. The machine's own network is not touched. Needs Linux, root and iproute2.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const relayProgram = fileURLToPath(new URL('delay.mjs', import.meta.url));

/** The switch's own address, in the machines' network. */
const relayAddress = '10.77.0.100';

/** Thrown for a feature that the machine or its kernel lacks. */
export class Lacking extends Error {}

/**
 * Runs a command of iproute2 or nftables.
 * @throws Error with the first line of its complaint
 */
function run(...command) {
  return runOn('', ...command);
}

/** Like {@link run}, with `input` on the command's stdin. */
function runOn(input, ...command) {
  try {
    return execFileSync(command[0], command.slice(1), { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    const said = String(error.stderr || error.message)
      .trim()
      .split('\n')[0];
    throw new Error(`${command.join(' ')}: ${said}`);
  }
}

/** Why this machine cannot simulate a network, for readers of the test's output; undefined if it can. */
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
    // It was not created.
  }
}

/** Machines on one switch, until the network is closed. */
export class Network {
  #prefix = `unroll-${process.pid}-`;
  #machines;
  #relay;

  /** @param machines their names, at most 8 letters each */
  constructor(machines) {
    this.#machines = machines;
    try {
      run('ip', 'netns', 'add', this.#namespace('switch'));
      this.#inSwitch('ip', 'link', 'add', 'bridge', 'type', 'bridge');
      this.#inSwitch('ip', 'link', 'set', 'bridge', 'up');
      for (const name of machines) {
        this.#plug(name);
        this.#tellNames(name);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** A machine's address. */
  address(name) {
    return `10.77.0.${this.#machines.indexOf(name) + 1}`;
  }

  /** The folder that `ip netns exec` shows as /etc of that machine. */
  #etc(name) {
    return `/etc/netns/${this.#namespace(name)}`;
  }

  /** Writes a machine's hosts file, so that machines find each other by name. */
  #tellNames(name) {
    mkdirSync(this.#etc(name), { recursive: true });
    const hosts = ['127.0.0.1 localhost', ...this.#machines.map((machine) => `${this.address(machine)} ${machine}`)];
    writeFileSync(`${this.#etc(name)}/hosts`, `${hosts.join('\n')}\n`);
  }

  /** The command line that runs a command on that machine. */
  on(name, ...command) {
    return ['ip', 'netns', 'exec', this.#namespace(name), ...command];
  }

  /**
   * Sends the traffic of every machine through this queueing discipline of `tc`.
   * @throws Lacking if the kernel does not have it
   */
  shape(...discipline) {
    for (const name of this.#machines) {
      try {
        run(...this.on(name, 'tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...discipline));
      } catch (error) {
        if (!/kind is unknown|not found|No such file/i.test(error.message)) throw error;
        throw new Lacking(`this kernel has no ${discipline[0]}`);
      }
    }
  }

  /**
   * Lets the switch drop `percent` percent of the packets.
   * @throws Lacking without nftables
   */
  lose(percent) {
    const rule = `numgen random mod 100 < ${percent} counter drop`;
    const chain = `chain forward {\n type filter hook forward priority 0\n ${rule}\n}`;
    try {
      runOn(`table bridge lossy {\n${chain}\n}\n`, ...this.on('switch', 'nft', '-f', '-'));
    } catch (error) {
      throw new Lacking(`no nftables here (${error.message})`);
    }
  }

  /**
   * Starts a relay in the switch that passes data to a machine's port and back, delayed. Returns the relay's address.
   */
  async delay(name, port, milliseconds) {
    this.#inSwitch('ip', 'address', 'add', `${relayAddress}/24`, 'dev', 'bridge');
    const target = [port, this.address(name), port, milliseconds].map(String);
    const [command, ...rest] = this.on('switch', process.execPath, relayProgram, ...target);
    this.#relay = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(this.#relay.stdout, 'data');
    return relayAddress;
  }

  /** Undoes {@link shape}, {@link lose} and {@link delay}. */
  unshape() {
    for (const name of this.#machines) {
      if (/netem|tbf/.test(this.#queue(name))) run(...this.on(name, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'root'));
    }
    if (this.#lossRules()) this.#inSwitch('nft', 'delete', 'table', 'bridge', 'lossy');
    if (this.#relay) this.#inSwitch('ip', 'address', 'flush', 'dev', 'bridge');
    this.#relay?.kill();
    this.#relay = undefined;
  }

  /** Counts the packets that the machines have sent, and those that their queues or the switch have dropped. */
  traffic() {
    const counts = this.#machines.map(
      (name) => /Sent \d+ bytes (\d+) pkt \(dropped (\d+)/.exec(this.#queue(name)) ?? [],
    );
    const sum = (k) => counts.reduce((total, count) => total + Number(count[k] ?? 0), 0);
    const [, lost = 0] = /counter packets (\d+)/.exec(this.#lossRules()) ?? [];
    return { sent: sum(1), dropped: sum(2) + Number(lost) };
  }

  /** Stops the switch from forwarding from and to that machine; its cable stays live. */
  cutOff(name) {
    this.#inSwitch('ip', 'link', 'set', name, 'nomaster');
  }

  /** Undoes {@link cutOff}. */
  reconnect(name) {
    this.#inSwitch('ip', 'link', 'set', name, 'master', 'bridge');
  }

  close() {
    this.#relay?.kill();
    for (const name of [...this.#machines, 'switch']) {
      this.#killAllOn(name);
      remove(this.#namespace(name));
      rmSync(this.#etc(name), { recursive: true, force: true });
    }
  }

  /** Kills all processes of a machine, including those that have detached from their parents. */
  #killAllOn(name) {
    let pids = '';
    try {
      pids = run('ip', 'netns', 'pids', this.#namespace(name));
    } catch {
      // It was not created.
    }
    for (const pid of pids.split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }

  #namespace(name) {
    return this.#prefix + name;
  }

  #inSwitch(...command) {
    return run(...this.on('switch', ...command));
  }

  /** The rule that {@link lose} has set up, with its count; empty if there is none. */
  #lossRules() {
    try {
      return this.#inSwitch('nft', 'list', 'table', 'bridge', 'lossy');
    } catch {
      return '';
    }
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
