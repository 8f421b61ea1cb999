// Reading files over HTTP in Node, whose `fetch` leaves to its caller some things that browsers do themselves.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { folderAt, readFile } from './source.node.js';

test('a file is asked for again when the server closes the connection without an answer', async () => {
  const answers = [false, true, false, false];
  const server = createServer((request, response) => {
    if (answers.shift()) response.end('the file');
    else request.socket.destroy();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const folder = folderAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/model`);
  expect(new TextDecoder().decode(await readFile(folder, 'manifest.json'))).toBe('the file');
  await expect(readFile(folder, 'manifest.json')).rejects.toMatchObject({ code: 'unreachable' });
  expect(answers).toEqual([]);
  server.close();
});
