// Prometheus's own tool reads the rules and tries out the alerts; what rules and dashboard ask for is what a server tells.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startParameterServer } from '@unroll/param-server';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

const folder = dirname(fileURLToPath(import.meta.url));
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Rules {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const rules = (parse(read('alerts.yml')) as Rules).groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(read('dashboard.json')) as Dashboard;
const shown = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const alerts = rules.flatMap(({ alert }) => alert ?? []);

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;

/** Runs promtool; returns its complaints, or nothing if it has none. */
function promtool(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
  return status === 0 ? '' : stdout + stderr;
}

if (!hasPromtool) console.log("promtool is not here; its tests are skipped: it is in Debian's package prometheus");

describe.skipIf(!hasPromtool)('promtool', () => {
  test.each([
    ['check', 'rules', 'alerts.yml'],
    ['check', 'config', 'prometheus.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ])('%s %s %s', (...args) => expect(promtool(args)).toBe(''));

  test('reads every expression of the dashboard', () => {
    const asGrafanaAsks = shown.map((expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', 'unroll'));
    const recorded = asGrafanaAsks.map((expr, k) => ({ record: `panel:${k}`, expr }));
    const file = stringify({ groups: [{ name: 'dashboard', rules: recorded }] });
    const place = mkdtempSync(join(tmpdir(), 'unroll-dashboard-'));
    const check = (text: string) => {
      writeFileSync(join(place, 'rules.yml'), text);
      return promtool(['check', 'rules', join(place, 'rules.yml')]);
    };
    try {
      expect(check(file)).toBe('');
      expect(check(file.replace('sum by', 'sum by by'))).not.toBe('');
    } finally {
      rmSync(place, { recursive: true });
    }
  });
});

test('rules and dashboard ask for what a server tells, by label too', async () => {
  await using server = await startParameterServer({ port: 0, workers: 1, version: '1', metricsPort: 0 });
  const text = await (await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`)).text();
  const told = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
  const recorded = rules.flatMap(({ record }) => record ?? []);
  const asked = [...rules.map(({ expr }) => expr), ...shown].flatMap((expr) =>
    [...expr.matchAll(/\b(?:unroll|process)[_:]\w+/g)].map(([name]) => name),
  );
  expect(asked.length).toBeGreaterThan(25);
  expect([...new Set(asked)].filter((name) => !told.has(name) && !recorded.includes(name))).toEqual([]);
});

test('each alert is tried out, both ways', () => {
  const { tests } = parse(read('alerts.test.yml'), { merge: true }) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts?: object[] }[] }[];
  };
  const tried = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  const raised = tried.filter(({ exp_alerts }) => exp_alerts).map(({ alertname }) => alertname);
  const quiet = tried.filter(({ exp_alerts }) => !exp_alerts).map(({ alertname }) => alertname);
  expect([...new Set(raised)].toSorted()).toEqual(alerts.toSorted());
  expect([...new Set(quiet)].toSorted()).toEqual(alerts.toSorted());
});

test('panels have titles of their own, and a legend for every line', () => {
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  for (const { targets } of panels) for (const { legendFormat } of targets) expect(legendFormat).not.toBe('');
});
