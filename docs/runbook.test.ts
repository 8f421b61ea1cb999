// The runbook quotes what processes really say: each quoted line is one of the source, each alert and panel one of deploy/monitoring.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { root } from './code-blocks.js';

const runbook = readFileSync(join(root, 'docs/runbook.md'), 'utf8');

/** The first cells of the tables between two headings, without their backticks. */
function firstCells(from: string, to: string): string[] {
  const part = runbook.slice(runbook.indexOf(`## ${from}\n`), runbook.indexOf(`## ${to}\n`));
  return [...part.matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell!);
}

const lines = firstCells('Lines, and what to do', 'Alerts');

/** Texts of the sources, in which `\0` stands for what is put in; strings that are joined by `+` are one. */
const sources = execFileSync('git', ['ls-files', 'packages/*/src/*.ts', 'deploy/slurm/*'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => !/\.test\.ts$|\/testing\/|\/simulation\//.test(file))
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .map((text) => text.replaceAll(/['"`]\s*\+\s*['"`]/g, '').replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}|\$\w+/g, '\0'));

/** The line with anything in the place of a name in angle brackets. */
function patternOf(line: string): RegExp {
  const parts = line.split(/<[^>]+>/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('[^\\n]*\\0[^\\n]*'));
}

describe('a line of the runbook is one that the source says:', () => {
  test.each(lines)('%s', (line) => {
    // The source may add the words before the first fixed ones in another place.
    const pattern = patternOf(line.replace(/^<[^>]+>/, ''));
    expect(sources.some((text) => pattern.test(text))).toBe(true);
  });

  test('and one that no source says is found', () => {
    expect(lines.length).toBeGreaterThan(25);
    expect(sources.some((text) => patternOf('worker <i> has gone fishing').test(text))).toBe(false);
  });
});

test('every alert has its row, and every panel that is named is there', () => {
  const { groups } = parse(readFileSync(join(root, 'deploy/monitoring/alerts.yml'), 'utf8')) as {
    groups: { rules: { alert?: string }[] }[];
  };
  const alerts = groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
  expect(firstCells('Alerts', 'Proxies').toSorted()).toEqual(alerts.toSorted());
  const { panels } = JSON.parse(readFileSync(join(root, 'deploy/monitoring/dashboard.json'), 'utf8')) as {
    panels: { title: string }[];
  };
  const titles = panels.map(({ title }) => title);
  const named = [...runbook.matchAll(/the panel _([^_]+)_/g)].map(([, title]) => title);
  expect(named.length).toBeGreaterThan(1);
  expect(named.filter((title) => !titles.includes(title!))).toEqual([]);
});
