// The files that GitHub reads: workflows by a linter, issue forms by what GitHub requires of their fields.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validateWorkflow } from '@action-validator/core';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const folder = join(import.meta.dirname, '../.github');
const filesIn = (name: string) => readdirSync(join(folder, name)).map((file) => join(name, file));
const contentOf = (file: string) => readFileSync(join(folder, file), 'utf8');

test.each(filesIn('workflows'))('%s is a workflow', (file) => {
  expect(validateWorkflow(contentOf(file)).errors).toEqual([]);
});

test('the linter finds a job without a runner and a key that does not exist', () => {
  const broken = 'on: push\njobs:\n  test:\n    step:\n      - run: ls\n';
  expect(validateWorkflow(broken).errors).not.toEqual([]);
});

test.each(filesIn('ISSUE_TEMPLATE').filter((file) => !file.endsWith('config.yml')))(
  '%s is an issue form, each of whose fields has a label and an id of its own',
  (file) => {
    const { name, description, body } = parse(contentOf(file)) as {
      name: string;
      description: string;
      body: { id: string; attributes: { label: string } }[];
    };
    expect([name, description]).toEqual([expect.any(String), expect.any(String)]);
    expect(body.map(({ attributes }) => attributes.label)).toEqual(body.map(() => expect.any(String)));
    expect(new Set(body.map(({ id }) => id)).size).toBe(body.length);
  },
);
