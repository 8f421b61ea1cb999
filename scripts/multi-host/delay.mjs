// A relay that delays bytes where the kernel cannot: bytes that arrive at one end leave at the other some milliseconds
// later, in both directions. Connections are opened and acknowledged without delay; only their data is delayed.
//   node scripts/multi-host/delay.mjs <port> <target host> <target port> <milliseconds>
import { connect, createServer } from 'node:net';

const [port, host, targetPort, milliseconds] = process.argv.slice(2);

/** Runs an action later by the delay; actions keep their order. */
const late = (action) => setTimeout(action, Number(milliseconds));

function passOn(from, to) {
  from.setNoDelay(true);
  from.on('data', (bytes) => late(() => to.write(bytes)));
  from.on('end', () => late(() => to.end()));
  from.on('error', () => late(() => to.destroy()));
}

createServer({ allowHalfOpen: true }, (client) => {
  const server = connect({ host, port: Number(targetPort), allowHalfOpen: true });
  passOn(client, server);
  passOn(server, client);
}).listen(Number(port), () => console.log('listens'));
