/** For tests: Debian's nghttpx (`nghttp2-proxy`) between clients and servers, which lets only HTTP/2 through. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const hasHttp2Proxy = spawnSync('nghttpx', ['--version']).status === 0;

/** Starts a proxy to the server at `port`. Resolves with the proxy's own port; the process ends with the test. */
export async function http2ProxyTo(port: number): Promise<number> {
  const own = await freePort();
  const proxy = spawn(
    'nghttpx',
    ['--conf=/dev/null', `-f127.0.0.1,${own};no-tls`, `-b127.0.0.1,${port};;proto=h2`, '--single-process'],
    { stdio: 'ignore' },
  );
  while (!(await answers(own))) {
    if (proxy.exitCode !== null) throw new Error(`nghttpx ended with ${proxy.exitCode}`);
    await sleep(20);
  }
  return own;
}

/** nghttpx does not report its port, so it must be given a free one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
