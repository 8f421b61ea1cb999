import { expect, test } from 'vitest';
import { expandHostlist } from './slurm-hostlist.js';

test.each([
  ['login', ['login']],
  ['a1,b-2,c.example', ['a1', 'b-2', 'c.example']],
  ['n[1-3,7]', ['n1', 'n2', 'n3', 'n7']],
  ['n[08-10]', ['n08', 'n09', 'n10']],
  ['rack[1-2]n[1-2],login', ['rack1n1', 'rack1n2', 'rack2n1', 'rack2n2', 'login']],
  ['n[1]-ib', ['n1-ib']],
])('%s is %j', (list, hosts) => {
  expect(expandHostlist(list)).toEqual(hosts);
});

test.each(['', 'n[', 'n[3-1]', 'n[1-]', 'n]1', 'a,,b', 'n[a]'])("'%s' is no list of hosts", (list) => {
  expect(() => expandHostlist(list)).toThrow(`cannot read '${list}'`);
});
