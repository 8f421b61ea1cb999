import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import type { Environment, RoleFlags } from './role.js';
import { roleOf } from './roles.js';

const noFlags: RoleFlags = { servers: 1, port: 7000 };
const addresses = ['ps0:7000', 'ps1:7000'];
const roleFlags = { ...noFlags, role: 'worker', workers: 4, serverAddresses: addresses } as const;

function tensorFlow(type: string, index: number, cluster: object = {}): Environment {
  const tasks = { ps: ['a:2222', 'b:2222'], worker: ['c:2222', 'd:2222'], ...cluster };
  return { TF_CONFIG: JSON.stringify({ cluster: tasks, task: { type, index }, environment: 'cloud' }) };
}

const slurm: Environment = {
  ...{ SLURM_PROCID: '0', SLURM_NTASKS: '5', SLURM_JOB_NODELIST: 'gpu[08-10]', SLURM_TASKS_PER_NODE: '2(x2),1' },
};
const torch: Environment = { RANK: '2', WORLD_SIZE: '3', MASTER_ADDR: 'first', MASTER_PORT: '29500' };

describe('flags', () => {
  test('say everything, whatever the environment says', () => {
    const everything = { ...tensorFlow('ps', 0), ...slurm, ...torch, JOB_COMPLETION_INDEX: '1' };
    expect(roleOf({ ...roleFlags, index: 3 }, everything)).toEqual({
      ...{ kind: 'worker', index: 3, workers: 4, serverAddresses: addresses, source: 'flags' },
    });
  });

  test('need each other: the one that is missing is named', () => {
    expect(() => roleOf({ ...noFlags, role: 'server' }, {})).toThrow(/--index/);
    expect(() => roleOf({ ...noFlags, role: 'server', index: 0 }, {})).toThrow(/--workers/);
    expect(() => roleOf({ ...noFlags, role: 'server', index: 0, workers: 1 }, {})).toThrow(/--server-addresses/);
    expect(() => roleOf({ ...noFlags, index: 0 }, slurm)).toThrow(/--index: needs --role/);
    expect(() => roleOf({ ...noFlags, workers: 2 }, slurm)).toThrow(/--workers: needs --role/);
  });

  test('may not claim an index beyond their number', () => {
    expect(() => roleOf({ ...roleFlags, index: 4 }, {})).toThrow('worker 4 is not below the 4 workers');
    expect(() => roleOf({ ...roleFlags, role: 'server', index: 2 }, {})).toThrow('server 2 is not below the 2 servers');
  });

  test('are asked for where no scheduler is known', () => {
    expect(() => roleOf(noFlags, {})).toThrow(UsageError);
    expect(() => roleOf(noFlags, {})).toThrow(/TF_CONFIG.*--role/);
  });
});

describe('a Kubernetes Indexed Job', () => {
  test('tells the index of the role that the flags name', () => {
    const { kind, index, source } = roleOf(roleFlags, { JOB_COMPLETION_INDEX: '2' });
    expect({ kind, index, source }).toEqual({ kind: 'worker', index: 2, source: 'JOB_COMPLETION_INDEX' });
  });

  test('does not tell the role', () => {
    expect(() => roleOf(noFlags, { JOB_COMPLETION_INDEX: '2', ...slurm })).toThrow(/JOB_COMPLETION_INDEX.*--role/);
  });

  test('has an index that is a number', () => {
    expect(() => roleOf(roleFlags, { JOB_COMPLETION_INDEX: 'two' })).toThrow("JOB_COMPLETION_INDEX: 'two'");
  });
});

describe('TF_CONFIG', () => {
  const serverAddresses = ['a:2222', 'b:2222'];

  test('makes a ps a server, whatever the other schedulers say', () => {
    expect(roleOf(noFlags, { ...tensorFlow('ps', 1), ...slurm, ...torch, JOB_COMPLETION_INDEX: '0' })).toEqual({
      ...{ kind: 'server', index: 1, workers: 2, serverAddresses, source: 'TF_CONFIG' },
    });
  });

  test('makes a worker a worker', () => {
    expect(roleOf(noFlags, tensorFlow('worker', 1))).toMatchObject({
      kind: 'worker',
      index: 1,
      workers: 2,
      serverAddresses,
    });
  });

  test.each(['chief', 'master'])('makes a %s the worker 0 before the others', (chief) => {
    const cluster = { [chief]: ['m:2222'] };
    expect(roleOf(noFlags, tensorFlow(chief, 0, cluster))).toMatchObject({ kind: 'worker', index: 0, workers: 3 });
    expect(roleOf(noFlags, tensorFlow('worker', 1, cluster))).toMatchObject({ kind: 'worker', index: 2, workers: 3 });
  });

  test('has no work for an evaluator', () => {
    expect(() => roleOf(noFlags, tensorFlow('evaluator', 0))).toThrow(/'evaluator' has no work here/);
  });

  test.each([
    ['is not JSON', '{'],
    ['cluster.ps', '{"cluster":{"worker":["a:1"]},"task":{"type":"worker","index":0}}'],
    ['cluster.ps: names no parameter server', '{"cluster":{"ps":[]},"task":{"type":"worker","index":0}}'],
    ["cluster.ps.0: 'a' has no port", '{"cluster":{"ps":["a"]},"task":{"type":"worker","index":0}}'],
    ["cluster.ps.0: 'http://a:1' is a URL", '{"cluster":{"ps":["http://a:1"]},"task":{"type":"ps","index":0}}'],
    ["cluster.ps.1: ' b:1' has a blank", '{"cluster":{"ps":["a:1"," b:1"]},"task":{"type":"ps","index":0}}'],
    ['task', '{"cluster":{"ps":["a:1"]}}'],
  ])('that is wrong is refused in a line that names the place: %s', (named, text) => {
    const read = () => roleOf(noFlags, { TF_CONFIG: text });
    expect(read).toThrow(UsageError);
    expect(read).toThrow(`TF_CONFIG: ${named}`);
    expect(read).not.toThrow(/\n/);
  });

  test('may not name a task that the cluster has not', () => {
    expect(() => roleOf(noFlags, tensorFlow('worker', 2))).toThrow('TF_CONFIG: worker 2 is not below the 2 workers');
  });
});

describe('Slurm', () => {
  test('makes the first tasks servers, on their nodes, and the others workers', () => {
    const roles = [0, 1, 2, 3, 4].map((task) =>
      roleOf({ ...noFlags, servers: 3 }, { ...slurm, SLURM_PROCID: `${task}` }),
    );
    expect(roles.map(({ kind, index }) => `${kind} ${index}`)).toEqual([
      ...['server 0', 'server 1', 'server 2', 'worker 0', 'worker 1'],
    ]);
    for (const { serverAddresses, workers } of roles) {
      expect({ serverAddresses, workers }).toEqual({
        serverAddresses: ['gpu08:7000', 'gpu08:7001', 'gpu09:7000'],
        workers: 2,
      });
    }
  });

  test('tells of the step before it tells of the job', () => {
    const step = { SLURM_STEP_NODELIST: 'n7', SLURM_STEP_TASKS_PER_NODE: '2', SLURM_STEP_NUM_TASKS: '2' };
    expect(roleOf(noFlags, { ...slurm, ...step })).toMatchObject({ serverAddresses: ['n7:7000'], workers: 1 });
  });

  test('must leave a task for a worker', () => {
    expect(() => roleOf({ ...noFlags, servers: 5 }, slurm)).toThrow(
      '5 processes, of which 5 are servers, leave no worker',
    );
  });

  test('has ports of its own, so that jobs can share a node, unless --port says which', () => {
    const serversOf = (job: string, port?: number) =>
      roleOf({ servers: 2, ...(port === undefined ? {} : { port }) }, { ...slurm, SLURM_JOB_ID: job }).serverAddresses;
    const ports = ['41', '42', '1291'].map((job) => serversOf(job).map((address) => Number(address.split(':')[1])));
    expect(ports[0]).not.toEqual(ports[1]);
    expect(ports[2]).toEqual(ports[0]);
    expect(Math.abs(ports[1]![0]! - ports[0]![0]!)).toBe(16);
    expect(serversOf('42', 7000)[0]).toMatch(/:7000$/);
  });

  test('must have ports for all servers of a node', () => {
    expect(() => roleOf({ ...noFlags, servers: 2, port: 65535 }, slurm)).toThrow(
      "--port and the nodes of Slurm: 'gpu08:65536' has no port from 1 to 65535",
    );
  });

  test('must fill the nodes one after another', () => {
    expect(() => roleOf(noFlags, { ...slurm, SLURM_DISTRIBUTION: 'cyclic' })).toThrow(/srun --distribution=block/);
  });

  test.each(['SLURM_NTASKS', 'SLURM_JOB_NODELIST', 'SLURM_TASKS_PER_NODE'])('is refused without %s', (name) => {
    expect(() => roleOf(noFlags, { ...slurm, [name]: undefined })).toThrow(`${name}: is not set`);
  });

  test('comes before RANK', () => {
    expect(roleOf(noFlags, { ...slurm, ...torch }).source).toBe('Slurm');
  });
});

describe('RANK', () => {
  test('0 is the server at MASTER_ADDR, and the others are workers', () => {
    const serverAddresses = ['first:29500'];
    expect(roleOf(noFlags, torch)).toEqual({ kind: 'worker', index: 1, workers: 2, serverAddresses, source: 'RANK' });
    expect(roleOf(noFlags, { ...torch, RANK: '0' })).toMatchObject({ kind: 'server', index: 0, workers: 2 });
  });

  test('needs no MASTER_PORT', () => {
    expect(roleOf(noFlags, { ...torch, MASTER_PORT: undefined }).serverAddresses).toEqual(['first:7000']);
  });

  test('needs to be told where several servers are', () => {
    expect(() => roleOf({ ...noFlags, servers: 2 }, torch)).toThrow(/--server-addresses/);
    expect(roleOf({ ...noFlags, serverAddresses: addresses }, torch)).toMatchObject({ index: 0, workers: 1 });
  });

  test('takes an IPv6 address, and no URL or port that there is not', () => {
    expect(roleOf(noFlags, { ...torch, MASTER_ADDR: '::1' }).serverAddresses).toEqual(['[::1]:29500']);
    const wrong = [{ MASTER_ADDR: 'http://first' }, { MASTER_ADDR: 'first ' }, { MASTER_PORT: '99999' }];
    for (const variables of wrong) {
      expect(() => roleOf(noFlags, { ...torch, ...variables })).toThrow(UsageError);
      expect(() => roleOf(noFlags, { ...torch, ...variables })).toThrow(/^MASTER_ADDR and MASTER_PORT: '.*first/);
    }
  });

  test.each(['WORLD_SIZE', 'MASTER_ADDR'])('is refused without %s', (name) => {
    expect(() => roleOf(noFlags, { ...torch, [name]: undefined })).toThrow(`${name}: is not set`);
  });

  test('is a number below WORLD_SIZE', () => {
    expect(() => roleOf(noFlags, { ...torch, RANK: 'one' })).toThrow("RANK: 'one' is no number");
    expect(() => roleOf(noFlags, { ...torch, RANK: '3' })).toThrow('worker 2 is not below the 2 workers');
  });
});
