// Downloads from a real server on this machine, which can be made to misbehave.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { packTar } from 'modern-tar';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadCorpus } from '../corpus.js';
import type { Checksum } from './checksum.js';
import { type DownloadProgress, download } from './download.js';
import { fetchCorpus, fetchSource } from './fetch-corpus.js';
import { type Archive, CORPUS_SOURCES } from './sources.js';

const root = mkdtempSync(join(tmpdir(), 'unroll-fetch-'));
afterAll(() => rmSync(root, { recursive: true }));

/** 3 MB without repetition. */
const CONTENT = Buffer.concat(
  Array.from({ length: 100_000 }, (_, i) => createHash('sha256').update(String(i)).digest()),
);

let server: Server;
let url: string;
let target: string;
/** The range headers of all requests so far. */
let ranges: (string | undefined)[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY']) {
    vi.stubEnv(name, undefined);
  }
  ranges = [];
  target = join(mkdtempSync(join(root, 'case-')), 'corpus.bin');
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/corpus.bin`;
});

afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

/** Serves the requested part of `content`, and breaks the connection after `breakAfter` bytes. */
function serve(content: Uint8Array, breakAfter = Number.POSITIVE_INFINITY) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (start >= content.length) {
      response.writeHead(416).end();
      return;
    }
    const body = content.subarray(start);
    const headers = {
      'content-length': body.length,
      'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
    };
    response.writeHead(start > 0 ? 206 : 200, headers);
    if (body.length <= breakAfter) response.end(body);
    else response.write(body.subarray(0, breakAfter), () => setTimeout(() => response.destroy(), 50));
  };
}

function checksumOf(content: Uint8Array): Checksum {
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

describe('a download', () => {
  const checksum = checksumOf(CONTENT);

  test('arrives whole, and tells its progress, rate and the time that is left', async () => {
    answer = serve(CONTENT);
    const progress: DownloadProgress[] = [];
    await download(url, target, { checksum, onProgress: (report) => progress.push(report) });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
    expect(readdirSync(dirname(target))).toEqual(['corpus.bin']);
    expect(progress.at(-1)).toMatchObject({
      url,
      receivedBytes: CONTENT.length,
      totalBytes: CONTENT.length,
      secondsLeft: 0,
    });
    expect(progress.every(({ bytesPerSecond }) => bytesPerSecond > 0)).toBe(true);
  });

  test('goes through the proxy of the environment, except to hosts in no_proxy', async () => {
    answer = (request, response) => {
      expect(request.url).toBe('http://corpora.example/corpus.bin');
      serve(CONTENT)(request, response);
    };
    vi.stubEnv('http_proxy', new URL(url).origin);
    await download('http://corpora.example/corpus.bin', target, { checksum });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);

    answer = serve(CONTENT);
    rmSync(target);
    vi.stubEnv('http_proxy', 'http://127.0.0.1:9');
    vi.stubEnv('no_proxy', '127.0.0.1');
    await download(url, target, { checksum });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
  });

  test('resumes where the connection broke, as often as it breaks', async () => {
    answer = serve(CONTENT, 1_000_000);
    await download(url, target, { checksum });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/), ...ranges.slice(2)]);
    expect(ranges.length).toBeGreaterThanOrEqual(4);
  });

  test('resumes from the part that an earlier process left', async () => {
    writeFileSync(`${target}.part`, CONTENT.subarray(0, 1234));
    answer = serve(CONTENT);
    await download(url, target, { checksum });
    expect(ranges).toEqual(['bytes=1234-']);
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
  });

  test('that was complete but not yet verified needs no byte more', async () => {
    writeFileSync(`${target}.part`, CONTENT);
    answer = serve(CONTENT);
    await download(url, target, { checksum });
    expect(existsSync(target)).toBe(true);
  });

  test('starts again if the server knows no ranges', async () => {
    writeFileSync(`${target}.part`, CONTENT.subarray(0, 1234));
    answer = (_request, response) => response.writeHead(200).end(CONTENT);
    await download(url, target, { checksum });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
  });

  test('is tried again after an answer that passes', async () => {
    answer = (request, response) => {
      if (ranges.length === 1) response.writeHead(503).end();
      else serve(CONTENT)(request, response);
    };
    await download(url, target, { checksum });
    expect(ranges).toHaveLength(2);
  });

  test('of the wrong bytes is refused and removed', async () => {
    const altered = Buffer.from(CONTENT).fill(0, 5, 6);
    answer = serve(altered);
    const { sha256 } = checksumOf(altered);
    await expect(download(url, target, { checksum })).rejects.toThrow(
      `${url}: sha256 is ${sha256}, expected ${checksum.sha256}; the download was removed`,
    );
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  test.each<[string, number, string]>([
    ['longer', CONTENT.length + 1, `has ${CONTENT.length + 1} bytes, but ${CONTENT.length} were published`],
    ['shorter', CONTENT.length - 1, `has ${CONTENT.length - 1} bytes, but ${CONTENT.length} were published`],
  ])('that is declared %s than published is refused before a byte is written', async (_, length, refusal) => {
    answer = (_request, response) => response.writeHead(200, { 'content-length': length }).write(CONTENT);
    await expect(download(url, target, { checksum })).rejects.toThrow(`${url}: ${refusal}; try a mirror`);
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  test('that never ends is read up to the published size, and removed', async () => {
    let sent = 0;
    answer = (_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(CONTENT)) sent += CONTENT.length;
      };
      response.on('drain', more);
      more();
    };
    await expect(download(url, target, { checksum })).rejects.toThrow(
      `is longer than the ${CONTENT.length} bytes that were published`,
    );
    expect(sent).toBeLessThan(20 * CONTENT.length);
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  test('that ends too early, without a declared length, is removed', async () => {
    answer = (_request, response) => response.writeHead(200).end(CONTENT.subarray(0, 1000));
    await expect(download(url, target, { checksum })).rejects.toThrow(
      `ends after 1000 bytes, but ${CONTENT.length} were published`,
    );
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  test('takes the bytes as they are sent, and inflates nothing', async () => {
    const archive = gzipSync(CONTENT);
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(archive);
    await download(url, target, { checksum: checksumOf(archive) });
    expect(readFileSync(target).equals(archive)).toBe(true);
  });

  test('begins again when the server sends another part than it was asked for', async () => {
    writeFileSync(`${target}.part`, CONTENT.subarray(0, 1234));
    answer = ({ headers: { range } }, response) => {
      if (range === undefined) response.writeHead(200).end(CONTENT);
      else response.writeHead(206, { 'content-range': `bytes 0-9/${CONTENT.length}` }).end(CONTENT.subarray(0, 10));
    };
    await download(url, target, { checksum });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
    expect(ranges).toEqual(['bytes=1234-', undefined]);
  });

  test('follows a redirection, but not many, and none that is not for the web', async () => {
    answer = (request, response) => {
      if (request.url === '/there') serve(CONTENT)(request, response);
      else response.writeHead(302, { location: '/there' }).end('moved');
    };
    await download(url, target, { checksum });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);

    rmSync(target);
    ranges = [];
    answer = (request, response) => response.writeHead(307, { location: `${request.url}x` }).end();
    await expect(download(url, target, { checksum })).rejects.toThrow(`${url}: leads on and on`);
    expect(ranges).toHaveLength(6);
    for (const location of ['file:///etc/passwd', 'http://', 'data:text/plain,a']) {
      answer = (_request, response) => response.writeHead(301, { location }).end();
      await expect(download(url, target, { checksum })).rejects.toThrow('which is not followed');
    }
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  test('goes on after a server that falls silent, before or within its answer', async () => {
    answer = (request, response) => {
      if (ranges.length === 1) return;
      if (ranges.length === 2) response.writeHead(200).write(CONTENT.subarray(0, 1000));
      else serve(CONTENT)(request, response);
    };
    await download(url, target, { checksum, silenceSeconds: 0.2 });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
    expect(ranges).toEqual([undefined, undefined, 'bytes=1000-']);
  });

  test('that the server does not have is refused at once', async () => {
    answer = (_request, response) => response.writeHead(404).end('no such file');
    await expect(download(url, target, { checksum })).rejects.toThrow(`${url}: the server answers 404; try a mirror`);
    expect(ranges).toHaveLength(1);
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  test('can be cancelled, and keeps what has come', async () => {
    answer = (_request, response) => response.writeHead(200).write(CONTENT.subarray(0, 1_000_000));
    const controller = new AbortController();
    const cancelled = download(url, target, {
      checksum,
      signal: controller.signal,
      onProgress: ({ receivedBytes }) => {
        if (receivedBytes === 1_000_000) setTimeout(() => controller.abort(new Error('cancelled')), 50);
      },
    });
    await expect(cancelled).rejects.toThrow('cancelled');
    expect(existsSync(`${target}.part`)).toBe(true);
  });
});

describe('fetching a corpus', () => {
  const entries: Record<string, string> = {
    'wikitext-2/wiki.train.tokens': `${CONTENT.toString('hex', 0, 100_000)}\n`,
    'wikitext-2/wiki.valid.tokens': 'b\n',
    'wikitext-2/wiki.test.tokens': 'c\n',
    'wikitext-2/README': 'not wanted\n',
    '../wiki.train.tokens': 'not wanted either\n',
  };
  const zip = zipSync(Object.fromEntries(Object.entries(entries).map(([name, text]) => [name, Buffer.from(text)])));

  /** Creates the three parts as separate files. */
  function read(folder: string): string[] {
    const { train, valid, test } = loadCorpus(folder);
    return [train, valid, test].map(({ shards }) => shards.map((texts) => [...texts].join('')).join('|'));
  }

  test('unpacks what is wanted of a zip archive, ready to be loaded', async () => {
    answer = serve(zip);
    const folder = join(dirname(target), 'wikitext-2');
    const [{ archive }] = CORPUS_SOURCES['wikitext-2'].files;
    await fetchSource(
      { about: '', files: [{ url, checksum: checksumOf(zip), ...(archive && { archive }) }] },
      folder,
      {},
    );
    expect(read(folder)).toEqual([entries['wikitext-2/wiki.train.tokens'], 'b\n', 'c\n']);
    expect(readdirSync(folder)).toHaveLength(3);
    expect(readdirSync(dirname(folder))).toEqual(['wikitext-2']);
  });

  test('unpacks the shards of the billion words from a tar archive', async () => {
    const benchmark = '1-billion-word-language-modeling-benchmark-r13output';
    const file = (name: string, body: string) => ({
      header: { name: `${benchmark}/${name}`, size: body.length },
      body,
    });
    const tar = gzipSync(
      await packTar([
        { header: { name: `${benchmark}/`, size: 0, type: 'directory' } },
        file('training-monolingual.tokenized.shuffled/news.en-00001-of-00100', 'first\n'),
        file('training-monolingual.tokenized.shuffled/news.en-00002-of-00100', 'second\n'),
        file('heldout-monolingual.tokenized.shuffled/news.en.heldout-00000-of-00050', 'test\n'),
        file('heldout-monolingual.tokenized.shuffled/news.en.heldout-00001-of-00050', 'valid\n'),
        file('heldout-monolingual.tokenized.shuffled/news.en.heldout-00002-of-00050', 'more\n'),
        file('README', 'not wanted\n'),
      ]),
    );
    answer = serve(tar);
    const folder = join(dirname(target), 'lm1b');
    const [{ archive }] = CORPUS_SOURCES.lm1b.files;
    await fetchSource({ about: '', files: [{ url, checksum: checksumOf(tar), archive }] }, folder, {});
    expect(read(folder)).toEqual(['first\n|second\n', 'valid\n', 'test\n']);
    expect(readdirSync(folder).toSorted()).toEqual(['test.txt', 'train', 'valid.txt']);
  });

  test('takes plain files as they are, and a mirror in place of their home', async () => {
    const folder = join(dirname(target), 'ptb');
    answer = (request, response) => serve(Buffer.from(`${request.url}\n`))(request, response);
    const files = ['train', 'valid', 'test'].map((part) => ({
      url: `https://example.org/lstm/data/ptb.${part}.txt`,
      checksum: checksumOf(Buffer.from(`/copies/ptb.${part}.txt\n`)),
    }));
    await fetchSource({ about: '', files }, folder, { mirror: new URL('/copies/', url).href });
    expect(read(folder)).toEqual(['/copies/ptb.train.txt\n', '/copies/ptb.valid.txt\n', '/copies/ptb.test.txt\n']);
  });

  const zipped = CORPUS_SOURCES['wikitext-2'].files[0].archive!;
  const tarred = CORPUS_SOURCES.lm1b.files[0].archive;
  const shardName = 'b/training-monolingual.tokenized.shuffled/news.en-00001-of-00100';
  /** Whole for gzip, but the last file of the tar lacks its end. */
  const cutTar = async () => {
    const body = CONTENT.subarray(0, 5000);
    return gzipSync((await packTar([{ header: { name: shardName, size: body.length }, body }])).subarray(0, 3000));
  };
  /** Says that the file has as many bytes as the deflated data at its place. */
  const lyingZip = () => {
    const bytes = zipSync({ 'wikitext-2/wiki.train.tokens': Buffer.from('a b c\n'.repeat(50)) });
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(22, 7, true);
    return bytes;
  };
  const twice = () => {
    const [first, second] = ['aest', 'best'].map((name) =>
      zipSync({ [`wikitext-2/wiki.${name}.tokens`]: CONTENT.subarray(0, 50) }),
    );
    return Buffer.from(
      Buffer.concat([first!, second!])
        .toString('latin1')
        .replace(/wiki\.[ab]est/g, 'wiki.test'),
      'latin1',
    );
  };
  test.each<[string, () => Uint8Array | Promise<Uint8Array>, Archive, string]>([
    [
      'a zip bomb',
      () => zipSync({ 'wikitext-2/wiki.train.tokens': new Uint8Array(2 ** 22) }),
      zipped,
      'inflates to more',
    ],
    ['a zip that is cut off', () => zip.subarray(0, 60_000), zipped, 'cannot be unpacked'],
    ['a zip with other sizes than it declares', lyingZip, zipped, 'wiki.train.tokens has 300 of 7 bytes'],
    ['a zip with a file twice', twice, zipped, 'it holds wiki.test.tokens twice'],
    [
      'a zip of something else',
      () => zipSync({ '../../wiki.test.tokens': CONTENT.subarray(0, 9) }),
      zipped,
      'none of the files',
    ],
    ['a gzip bomb', () => gzipSync(new Uint8Array(2 ** 22)), tarred, 'inflates to more than 1048576 bytes'],
    ['a tar.gz that is cut off', () => gzipSync(CONTENT).subarray(0, 5000), tarred, 'unexpected end of file'],
    ['a tar that is cut off', cutTar, tarred, 'news.en-00001-of-00100 has'],
  ])('refuses %s, and leaves nothing that looks like a corpus', async (_, make, archive, refusal) => {
    const bytes = await make();
    answer = serve(bytes);
    const folder = join(dirname(target), 'corpus');
    const fetching = fetchSource({ about: '', files: [{ url, checksum: checksumOf(bytes), archive }] }, folder, {});
    await expect(fetching).rejects.toThrow(refusal);
    await expect(fetching).rejects.toThrow('corpus.bin: cannot be unpacked');
    expect(readdirSync(dirname(folder))).toEqual(['corpus.download']);
  });

  test('asks the server for nothing that is there already', async () => {
    const folder = join(dirname(target), 'ptb');
    mkdirSync(folder);
    writeFileSync(join(folder, 'ptb.train.txt'), 'a\n');
    expect(await fetchCorpus('ptb', dirname(folder), { mirror: url })).toBe(folder);
    expect(ranges).toEqual([]);
  });

  test('fills a folder that is there already, such as a mount point, also after an interruption', async () => {
    const folder = join(dirname(target), 'ptb');
    mkdirSync(join(folder, '.unroll-download'), { recursive: true });
    mkdirSync(join(folder, 'lost+found'));
    writeFileSync(join(folder, 'ptb.train.txt'), 'half of it');
    answer = (request, response) => serve(Buffer.from(`${request.url}\n`))(request, response);
    const files = ['train', 'valid', 'test'].map((part) => ({
      url: `${new URL('/', url).href}ptb.${part}.txt`,
      checksum: checksumOf(Buffer.from(`/ptb.${part}.txt\n`)),
    }));
    await fetchSource({ about: '', files }, folder, {});
    expect(read(folder)).toEqual(['/ptb.train.txt\n', '/ptb.valid.txt\n', '/ptb.test.txt\n']);
    expect(readdirSync(folder)).toEqual(['lost+found', 'ptb.test.txt', 'ptb.train.txt', 'ptb.valid.txt']);
  });

  test('leaves no folder behind that looks like a corpus when it fails', async () => {
    answer = (_request, response) => response.writeHead(404).end();
    const fetching = fetchCorpus('wikitext-103', dirname(target), { mirror: new URL('/', url).href });
    await expect(fetching).rejects.toThrow('/wikitext-103-v1.zip: the server answers 404');
    expect(existsSync(join(dirname(target), 'wikitext-103'))).toBe(false);
  });

  test('refuses an unknown name, and a mirror that is not a URL', async () => {
    await expect(fetchCorpus('enwik8', root)).rejects.toThrow(
      'enwik8: no such corpus; choose ptb, wikitext-2, wikitext-103, lm1b',
    );
    for (const mirror of ['here', 'file:///etc']) {
      await expect(fetchCorpus('ptb', root, { mirror })).rejects.toThrow(`mirror ${mirror}: is no web address`);
    }
  });
});
