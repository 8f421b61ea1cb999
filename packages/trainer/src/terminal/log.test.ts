// Log lines, in the forms for people and for log collectors.
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { smallModel, temporaryFolder, unroll, writeSmallCorpus } from '../testing/unroll-process.js';
import { closeLog, log, logLine, openLog } from './log.js';

const program = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));
const moment = new Date('2026-11-30T12:00:00.5Z');

test('a line says when, how grave, and which process', () => {
  const line = logLine('it is slow', 'warning', { format: 'text', process: 'worker 1' }, moment);
  expect(line).toBe('2026-11-30T12:00:00.500Z WARNING [worker 1] it is slow');
  expect(logLine('one', 'info', { format: 'text' }, moment)).toBe('2026-11-30T12:00:00.500Z INFO one');
  expect(logLine('one', 'error', { format: 'plain', process: 'worker 1' }, moment)).toBe('one');
});

test('a line of JSON holds any text, in one line', () => {
  const line = logLine('a "b"\n  at c', 'error', { format: 'json', process: 'server 0' }, moment);
  expect(line).not.toContain('\n');
  expect(JSON.parse(line)).toEqual({
    ...{ time: '2026-11-30T12:00:00.500Z', severity: 'ERROR', process: 'server 0', message: 'a "b"\n  at c' },
  });
});

test('a launcher names the process that a line comes from', () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  openLog('text');
  log('back at step 280, from its snapshot', 'warning', 'server 1');
  closeLog();
  const [text] = written.mock.lastCall!;
  written.mockRestore();
  expect(text).toMatch(/ WARNING \[server 1\] back at step 280, from its snapshot\n$/);
});

describe('the log of a training', () => {
  const folder = temporaryFolder();
  const corpus = join(folder.path, 'corpus');
  const flags = (out: string) => ['train', '--data', corpus, '--out', join(folder.path, out), ...smallModel];
  const stamp = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z';

  beforeAll(() => void writeSmallCorpus(corpus));
  afterAll(() => folder[Symbol.dispose]());

  test('is a JSON object a line, whichever process a line is of, if --log-format says so', async () => {
    const launch = [...flags('json'), '--workers', '2', '--epochs', '1', '--log-format', 'json', '--json'];
    const { status, stdout, stderr } = await unroll(...launch);
    const lines = stderr.trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, string>);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ steps: 20 });
    expect(entries.map(({ message }) => message)).toContainEqual(expect.stringMatching(/^epoch 1\/1, step 20: /));
    for (const { time, severity } of entries) {
      expect(time).toMatch(new RegExp(`^${stamp}$`));
      expect(severity).toBe('INFO');
    }
  });

  test('ends with an error where it fails', async () => {
    const { status, stderr } = await unroll(...flags('json'), '--log-format', 'json');
    const [line] = stderr.trimEnd().split('\n');
    expect(status).toBe(1);
    expect(JSON.parse(line!)).toMatchObject({ severity: 'ERROR', message: expect.stringContaining('--overwrite') });
  });

  test('has times where no terminal reads it, and none on a terminal, unless told otherwise', async ({ skip }) => {
    const args = [program, ...flags('json')];
    const read = await promisify(execFile)(process.execPath, args).catch((error: { stderr: string }) => error);
    expect(read.stderr).toMatch(new RegExp(`^${stamp} ERROR unroll: .*\\n$`));
    const command = [process.execPath, ...args].map((word) => `'${word}'`).join(' ');
    const { error, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
    if (error) skip('script, which makes a terminal, is not here');
    expect(stripVTControlCharacters(stdout)).toMatch(/^unroll: .*\r?\n$/);
  });
});
