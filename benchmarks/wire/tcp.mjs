// Measures the limit that sockets set: writes as many bytes over one TCP connection on loopback as throughput.mjs does.
// One JSON line: the seconds of each round.
//   usage: tcp.mjs ROUNDS | tcp.mjs sink
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const bytes = 80_000_000;
const isSink = process.argv[2] === 'sink';
await (isSink ? sink() : measure(Number(process.argv[2])));

/** Answers one byte for every `bytes` that it has received. */
async function sink() {
  let received = 0;
  const server = createServer((socket) => {
    socket.on('data', ({ length }) => {
      received += length;
      if (received >= bytes) {
        received -= bytes;
        socket.write('.');
      }
    });
    socket.on('end', () => server.close());
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
}

async function measure(rounds) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'sink'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = await once(child.stdout, 'data');
  const socket = connect(Number(port), '127.0.0.1');
  const chunk = Buffer.alloc(1_000_000, 1);
  const seconds = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const answered = once(socket, 'data');
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      if (!socket.write(chunk)) await once(socket, 'drain');
    }
    await answered;
    seconds.push((performance.now() - start) / 1000);
  }
  socket.end();
  console.log(JSON.stringify({ seconds }));
}
