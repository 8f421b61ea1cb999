// Personalization on real text: a model of the King James Bible learns how Shakespeare's characters talk.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadLocalLanguageModel } from '@unroll/edge-runtime';
import { describe, expect, test } from 'vitest';
import { temporaryFolder, unroll, unrollJson } from '../testing/unroll-process.js';

const data = process.env.UNROLL_DATA ?? '';
const missing = !['kjv', 'tinyshakespeare'].every((corpus) => existsSync(join(data, corpus)));
if (missing) console.warn(`personalization on real text skipped: UNROLL_DATA has no kjv and tinyshakespeare`);

/** Converts to the spelling of the Bible's files: lower case, punctuation separated. */
const alike = (text: string) => text.toLowerCase().replace(/\s*([.,:;!?])/g, ' $1');

describe.skipIf(missing)('a model of the Bible', () => {
  test('learns Shakespeare by more than 20 % and forgets less than 3 % of the Bible', async () => {
    using root = temporaryFolder();
    const [checkpoint, bundle] = [join(root.path, 'kjv'), join(root.path, 'bundle')];
    const size = ['--tokenizer', 'bpe', '--vocabulary', '2000', '--embedding-dim', '128', '--hidden-dim', '192'];
    const recipe = ['--optimizer', 'adam', '--learning-rate', '0.002', '--epochs', '1'];
    await unroll('train', '--data', join(data, 'kjv'), '--out', checkpoint, ...size, ...recipe);
    await unrollJson(
      'export',
      '--checkpoint',
      checkpoint,
      '--out',
      bundle,
      '--quantization',
      'int8',
      '--personalization',
    );

    await using model = await loadLocalLanguageModel(bundle);
    const play = alike(readFileSync(join(data, 'tinyshakespeare/input.txt'), 'utf8'));
    const bible = readFileSync(join(data, 'kjv/valid.txt'), 'utf8').slice(0, 20_000);
    const perplexities = async () => ({
      bible: (await model.score(bible)).perplexity,
      play: (await model.score(play.slice(500_000, 512_000))).perplexity,
    });
    const before = await perplexities();
    await model.personalize([play.slice(0, 60_000)]);
    const after = await perplexities();
    console.log('perplexities before and after', before, after);
    expect(after.play).toBeLessThan(0.8 * before.play);
    expect(after.bible).toBeLessThan(1.03 * before.bible);
  });
});
