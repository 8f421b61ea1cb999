// Requests to the doors that speak HTTP/1: the metrics, the gateway, the page of a run.
import { byteChanges, pick, randomBytes } from './bytes.mjs';
import { gatewayModel, gatewayParameters } from './model.mjs';

const paths = {
  metrics: [
    '/metrics',
    '/metrics?x=1',
    '/',
    '//',
    '/%',
    '/../metrics',
    '*',
    'http://evil.example/metrics',
    '/metrics\u00ff',
  ],
  gateway: ['/round', '/contributions', '/contributions?', '/', '//', '/%00', '/round/../contributions', '*'],
  dashboard: [
    '/',
    '/events',
    '/main.js',
    '/style.css',
    '/../package.json',
    '/%2e%2e/',
    '//',
    '/events?x',
    '/uplot.js',
    '*',
  ],
};
const methods = ['GET', 'POST', 'OPTIONS', 'HEAD', 'PUT', 'DELETE', 'CONNECT', 'TRACE', 'PRI', 'get', 'G\u0000T'];
const hosts = ['localhost', '127.0.0.1', 'evil.example', '', '[::1]:1', 'localhost:99999', 'a'.repeat(9000)];
const lengths = ['0', '-1', '1e3', '99999999999999999999', '4', '0x10', '4, 4', '16777216'];
const values = [NaN, Infinity, -Infinity, 3.4e38, 1e-44, 0, 0.01, 1];

/** @param token what lets a client of the gateway in, if anything */
export function httpRequest(random, door, token) {
  const body = door === 'gateway' ? contribution(random) : Buffer.alloc(0);
  const isPost = door === 'gateway' && random() < 0.6;
  const usual = isPost ? ['POST', '/contributions'] : ['GET', paths[door][0]];
  const headers = [
    ['host', 'localhost'],
    ['connection', 'close'],
    ...(token === undefined ? [] : [['authorization', `Bearer ${token}`]]),
    ...(isPost
      ? [
          ['content-length', `${body.length}`],
          ['unroll-model', gatewayModel],
          ['idempotency-key', `${Math.floor(1e9 * random())}`],
        ]
      : []),
  ];
  const draw = random();
  if (draw < 0.25) return whole('values', ...usual, headers, body);
  if (draw < 0.4) return whole('path', usual[0], pick(random, paths[door]), headers, body);
  if (draw < 0.5) return whole('method', pick(random, methods), usual[1], headers, body);
  if (draw < 0.58) return whole('host', ...usual, [['host', pick(random, hosts)], ...headers.slice(1)], body);
  if (draw < 0.68) {
    const others = headers.filter(([name]) => name !== 'content-length');
    const length = ['content-length', pick(random, lengths)];
    const chunked = random() < 0.3 ? [['transfer-encoding', 'chunked']] : [];
    return whole('body length', ...usual, [...others, ...chunked, length], body);
  }
  if (draw < 0.76) {
    const chunks = Buffer.concat([
      Buffer.from(pick(random, ['ffffffff\r\n', '-1\r\n', '4;x=y\r\n', 'zz\r\n', '0\r\n'])),
      body,
    ]);
    const others = headers.filter(([name]) => name !== 'content-length');
    return whole('chunks', ...usual, [...others, ['transfer-encoding', 'chunked']], chunks);
  }
  if (draw < 0.82) {
    const many = Array.from({ length: Math.floor(3000 * random()) }, (_, k) => [`x-${k}`, 'y']);
    return whole('many headers', ...usual, [...headers, ...many], body);
  }
  if (draw < 0.88) {
    const odd = [
      pick(random, ['unroll-model', 'idempotency-key', '__proto__', 'authorization']),
      pick(random, ['', 'x'.repeat(5000), '\u00ff\u00fe', 'Bearer']),
    ];
    return whole('header', ...usual, [...headers, odd], body);
  }
  if (draw < 0.92) {
    const request = bytesOf(
      ...usual,
      headers.filter(([name]) => name !== 'connection'),
      body,
    );
    return { kind: 'requests in a row', bytes: Buffer.concat(Array(1 + Math.floor(20 * random())).fill(request)) };
  }
  const change = pick(random, Object.keys(byteChanges));
  return { kind: change, bytes: byteChanges[change](bytesOf(...usual, headers, body), random) };
}

function contribution(random) {
  const floats = new Float32Array(gatewayParameters).map(() => 0.2 * (random() - 0.5));
  if (random() < 0.5) floats[Math.floor(random() * floats.length)] = pick(random, values);
  if (random() < 0.1) floats.fill(pick(random, values));
  const bytes = Buffer.from(floats.buffer);
  return random() < 0.8 ? bytes : Buffer.concat([bytes, randomBytes(random, 8)]).subarray(Math.floor(16 * random()));
}

const whole = (kind, ...request) => ({ kind, bytes: bytesOf(...request) });

function bytesOf(method, path, headers, body) {
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}
