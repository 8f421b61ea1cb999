import { expect, test } from 'vitest';
import { RecentExecutables } from './recent-executables.js';

test('the most recently used programs are kept, and the others disposed of', async () => {
  const happened: string[] = [];
  const recent = new RecentExecutables(2);
  const use = async (key: string) => {
    await recent.get(key, async () => {
      happened.push(`compile ${key}`);
      return { executable: { run: async () => ({}), dispose: async () => void happened.push(`dispose ${key}`) } };
    });
  };
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await use(key);
  expect(happened).toEqual(['compile a', 'compile b', 'compile c', 'dispose b', 'compile b', 'dispose c']);
  await recent.dispose();
  expect(happened.slice(6)).toEqual(['dispose a', 'dispose b']);
});
