// A relay that holds bytes back, where the kernel cannot: what comes in at one end goes out at the other some milliseconds later,
// in both directions. Connections are opened and acknowledged without delay; all that is said on them is late.
//   node scripts/multi-host/delay.mjs <port> <target host> <target port> <milliseconds>
import { connect, createServer } from 'node:net';

const [port, host, targetPort, milliseconds] = process.argv.slice(2);

/** Does it so much later; what is delayed first is done first. */
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
