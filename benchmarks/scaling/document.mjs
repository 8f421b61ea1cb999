// Writes docs/scaling.md: the simulated figures as tables, what they assume, and how well they agree with real runs.
import { readFileSync } from 'node:fs';
import { measured } from './model.mjs';

const workerCounts = [2, 4, 8, 16, 32, 64, 128, 256];
const shown = [2, 8, 32, 128, 256];

/** The rows of the tables of times, and the words for them. */
const ways = [
  { words: '`sync`, one server', mode: 'sync', codec: 'float32', servers: () => 1 },
  { words: '`sync`', mode: 'sync', codec: 'float32' },
  { words: '`sync`, `bfloat16`', mode: 'sync', codec: 'bfloat16' },
  { words: '`sync`, `int8`', mode: 'sync', codec: 'int8' },
  { words: '`sync`, `power-sgd:4`', mode: 'sync', codec: 'power-sgd:4' },
  { words: '`sync`, `top-k:0.001`', mode: 'sync', codec: 'top-k:0.001' },
  { words: '`ssp`, 2 steps', mode: 'ssp', codec: 'float32' },
  { words: '`async`', mode: 'async', codec: 'float32' },
  { words: '`local`, 25 steps', mode: 'local', codec: 'float32' },
  { words: '`local`, 25 steps, `int8`', mode: 'local', codec: 'int8' },
];
const eighth = (workers) => Math.max(1, workers / 8);

export function document({ costs, runs }) {
  const find = ({ mode, codec, servers = eighth }, gigabits, workers) =>
    runs.find(
      (run) =>
        run.mode === mode &&
        run.codec === codec &&
        run.gigabits === gigabits &&
        run.workers === workers &&
        run.servers === servers(workers),
    );
  const milliseconds = (run) => (run ? Math.round(run.seconds * 1000).toLocaleString('en') : '');
  const times = [1, 10, 100].map((gigabits) => {
    const rows = ways.map((way) => [way.words, ...shown.map((workers) => milliseconds(find(way, gigabits, workers)))]);
    return `At ${gigabits} Gbit/s:\n\n${table(['', ...shown.map((workers) => `${workers} workers`)], rows)}`;
  });
  const megabytes = (bytes) => (bytes === undefined ? '' : (bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1));
  const bytes = ways.slice(1).map((way) => {
    const of = (workers, field) => megabytes(find(way, 1, workers)?.[field]);
    return [way.words, of(2, 'sent'), of(2, 'received'), of(workerCounts.at(-1), 'received')];
  });
  const codecRows = Object.entries(costs).map(([name, { bytes: size, encode, decode }]) => [
    `\`${name}\``,
    megabytes(size),
    String(Math.round(encode)),
    String(Math.round(decode)),
  ]);
  const check = readFileSync(new URL('check.txt', import.meta.url), 'utf8').trim();
  return text({ times: times.join('\n\n'), bytes, codecRows, check });
}

const compute = Math.round(measured.compute.reduce((sum, each) => sum + each, 0) / measured.compute.length);

function text({ times, bytes, codecRows, check }) {
  return `# How training scales

This page is written by \`node benchmarks/scaling/run.mjs\`. It says how long a step takes, how many bytes it moves and how
much memory it needs, for 2 to 256 workers. We do not have such clusters. The times come from the simulator that tests the
protocol: the real client and the real servers' state machines, in virtual time, with the speeds that were measured.

![Speed by the number of workers at 1, 10 and 100 Gbit/s](scaling.svg)

- With one server a step grows in proportion to the workers, because one link carries all vectors. With a server for each eight
  workers, it stays about as long however many workers there are.
- At 1 Gbit/s only \`local\` and \`top-k\` keep workers busy. The other codecs save little: parameters come back in float32.
- From 10 Gbit/s on, \`sync\` in float32 is faster than with any codec but \`top-k\`: encoding and decoding take longer than sending.
- At 100 Gbit/s the servers' processors are the limit. More servers divide their work, too.
- \`top-k\` loses its advantage with many workers, whose choices differ: the parameters that come back add up.
- \`ssp\` and \`async\` take up to 43 % less than \`sync\`, and at 100 Gbit/s hardly less. They are equal as no worker is slow here.

## Milliseconds of a batch

Each worker computes 10 sequences of 35 tokens, which takes ${compute} ms; so the whole batch grows with the workers. The model is PTB
medium: an LSTM of 2×650 units, 10,000 words, 19.8 million parameters. There is a server for each eight workers, at least
one, unless a row says otherwise.

${times}

## Megabytes of a worker for a batch

${table(['', 'sent', 'received, 2 workers', 'received, 256 workers'], bytes)}

Rows of the embedding travel if any worker's batch has the word. Nothing else depends on the number of workers, except with
\`top-k\`, where parameters come back that any worker has chosen.

## Memory

Megabytes by P million parameters, W workers and S servers:

| process  | memory                                                                       | measured, W = 2             | W = 4, SGD     |
| -------- | ---------------------------------------------------------------------------- | --------------------------- | -------------- |
| a server | 4·P/S for the values, each slot of the optimizer and each worker's gradient; | 10.2 (SGD), 33.1 (Adam) · P | 23.3 · P + 93  |
|          | the values and slots once more during a snapshot; 90 to 210 of the process   | + 149 to 206                |                |
| a worker | 16 to 21 · P, and 200 to 220 of the process, whatever W and S                | 15.8 to 20.6 · P + 198      | 15.9 · P + 216 |

[Two workers](../benchmarks/capacity/two-workers.txt) and [four](../benchmarks/capacity/four-workers.txt) were measured by
\`node benchmarks/capacity/run.mjs\`. So a server's memory grows with the workers: where it is the limit, add servers.

## The model and its assumptions

- A machine has one thread and one link with two directions, and runs one worker or one server. Each does one thing at a time,
  in order of arrival. The switch between the machines is never the limit. A message takes 50 µs besides.
- Computing takes ${measured.compute.join(', ')} ms, drawn at random for each step: what five pairs of runs took. There are no stragglers beyond that.
- Sending and receiving takes a worker 0.35 ns a byte. A server takes 0.45 ns for each byte that it receives and adds, 0.28 to
  send it and 0.24 to update it. These are [measured](../benchmarks/results.md#the-wire) (AMD EPYC, Zen 5).
- Nothing travels while a worker computes. Real workers overlap the two where a server is on another machine.
- The optimizer is SGD. In \`local\`, a batch's own update counts as nothing.
- Codecs were run on a gradient of the model's size, on a busy machine. Their bytes, and milliseconds of one thread:

${table(['codec', 'MB', 'encoding', 'decoding'], codecRows)}

## Beside real runs

\`sudo node benchmarks/scaling/check.mjs\` runs real workers and a server in network namespaces and gives the model the computing time of
the same run, because all processes share two cores:

\`\`\`text
${check}
\`\`\`

The model is 7 to 11 % too fast there: it does not know that processes wait for a core. Larger clusters were not checked.
`;
}

function table(head, rows) {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, k) => cell.padEnd(widths[k])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
