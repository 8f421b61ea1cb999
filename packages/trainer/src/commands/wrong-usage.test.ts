import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../cli.js';
import { mountSmallDisk } from '../testing/small-disk.js';
import { unrollHere } from '../testing/unroll-here.js';
import { smallModel, temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);

beforeAll(() => {
  writeSmallCorpus(at('corpus'));
  writeFileSync(at('empty.txt'), '');
  mkdirSync(at('without-training'));
  writeFileSync(at('without-training/valid.txt'), 'a\n');
  writeFileSync(at('a-file'), 'a\n');
  writeFileSync(at('short-token'), 'a\n', { mode: 0o600 });
  writeFileSync(at('empty-token'), '\n', { mode: 0o600 });
  writeFileSync(at('open-token'), 'correct-horse-battery-staple\n', { mode: 0o640 });
  mkdirSync(at('foreign'));
  writeFileSync(at('foreign/thesis.txt'), 'years of work\n');
});
afterAll(() => root[Symbol.dispose]());

/** Splits a line into arguments. `@name` stands for a path in the temporary folder. */
const arguments_ = (line: string) => line.split(' ').map((word) => (word.startsWith('@') ? at(word.slice(1)) : word));

describe('wrong usage ends with status 2 and says what is wrong:', () => {
  test.each([
    ['an unknown command', 'trian', "unknown command 'trian'"],
    ['an unknown flag', 'train --data grammar --out @x --batchsize 4', "unknown option '--batchsize'"],
    ['a required flag that is absent', 'train --data grammar', "required option '--out <dir>' not specified"],
    ['a size that is negative', 'train --data grammar --out @x --hidden-dim -5', 'It must be a positive integer'],
    ['a size that is a fraction', 'train --data grammar --out @x --layers 1.5', 'It must be a positive integer'],
    ['a size that is zero', 'train --data grammar --out @x --batch-size 0', 'It must be a positive integer'],
    [
      'a size that is no number',
      'train --data grammar --out @x --sequence-length ten',
      'It must be a positive integer',
    ],
    ['a dropout of one', 'train --data grammar --out @x --dropout 1', 'It must be a number in [0, 1)'],
    ['an unknown cell', 'train --data grammar --out @x --cell qrnn', 'Allowed choices are rnn, lstm, gru'],
    ['an unknown engine', 'train --data grammar --out @x --engine tpu', 'Allowed choices are auto, onnxruntime'],
    ['both ways to treat a checkpoint', 'train --data grammar --out @x --resume --overwrite', 'cannot be used with'],
    ['tied weights of two widths', 'train --data grammar --out @x --tie-weights --hidden-dim 9', '--tie-weights needs'],
    [
      'a batch that workers cannot share',
      'train --data @corpus --out @x --batch-size 9 --workers 2',
      '--batch-size: 9',
    ],
    [
      'mixed precision with workers',
      'train --data @corpus --out @x --precision mixed --workers 2',
      '--precision: mixed is for one process',
    ],
    [
      'local steps in another mode',
      'train --data grammar --out @x --local-steps 5',
      '--local-steps: is for --mode local',
    ],
    [
      'parts that are not equal',
      'train --data grammar --out @x --accumulate 5',
      '--accumulate: 32 sequences cannot be',
    ],
    ['a vocabulary of nothing', 'train --data grammar --out @x --vocabulary 1', '--vocabulary: '],
    [
      'recurrent weights of a mingru',
      'train --data grammar --out @x --cell mingru --weight-dropout 0.3',
      '--weight-dropout: drops recurrent weights, which a mingru does not have; leave it out',
    ],
    [
      'a projection of a gru',
      'train --data grammar --out @x --cell gru --projection-dim 8',
      '--projection-dim: is for lstm',
    ],
    [
      'a plateau that only one worker would see',
      'train --data grammar --out @x --schedule plateau --workers 2',
      '--schedule: plateau is for one process',
    ],
    [
      'averages of workers',
      'train --data grammar --out @x --optimizer nt-asgd --workers 2',
      '--optimizer: nt-asgd is for one process',
    ],
    ['a staleness in another mode', 'train --data grammar --out @x --staleness 1', '--staleness: is for --mode ssp'],
    [
      'workers to spare in a mode that needs all',
      'train --data @corpus --out @x --workers 2 --mode async --min-workers 1',
      '--min-workers: in mode async no worker can be spared',
    ],
    [
      'a mode for workers without any',
      'train --data @corpus --out @x --mode local --batch-size 8',
      '--mode: local is for workers and parameter servers',
    ],
    ['a softmax that is none', 'train --data grammar --out @x --softmax half', "--softmax: 'half' is not a softmax"],
    [
      'more sampled words than there are',
      'train --data @corpus --out @x --softmax sampled:5000 --batch-size 8',
      '--softmax: 5000 words are sampled of a vocabulary of',
    ],
    [
      'a tail beyond the vocabulary',
      'train --data @corpus --out @x --softmax adaptive:4,5000 --batch-size 8',
      '--softmax: cutoffs must be integers that ascend from 1 to less than the',
    ],
    [
      'activations of an adaptive softmax twice',
      'train --data grammar --out @x --softmax adaptive --recompute-every 5',
      '--recompute-every: is not for --softmax adaptive',
    ],
    [
      'words by frequency that have no order',
      'train --data @corpus --out @x --softmax adaptive:4 --tokenizer bpe --batch-size 8',
      '--softmax: adaptive needs ids by frequency',
    ],
    [
      'tails with the weights of the embedding',
      'train --data grammar --out @x --softmax adaptive --tie-weights --embedding-dim 64 --hidden-dim 64',
      '--tie-weights: the tails of an adaptive softmax have weights of their own',
    ],
    [
      'labels smoothed over words that are not scored',
      'train --data grammar --out @x --softmax adaptive --label-smoothing 0.1',
      '--label-smoothing: needs the scores of all words, which an adaptive softmax does not have',
    ],
    [
      'rows of tables with a softmax of all words',
      'train --data @corpus --out @x --workers 2 --tables rows --batch-size 8',
      '--tables: with rows a step must not score all words',
    ],
    [
      'rows of tables for nobody',
      'train --data @corpus --out @x --softmax sampled:4 --tables rows --batch-size 8',
      '--tables: rows are for workers and parameter servers',
    ],
    [
      'rows of tables in rounds',
      'train --data @corpus --out @x --workers 2 --softmax sampled:4 --tables rows --mode local --batch-size 8',
      '--tables: rows is for all modes but local',
    ],
    [
      'a codec that is none',
      'train --data grammar --out @x --gradient-codec zip',
      "--gradient-codec: 'zip' is not a codec",
    ],
    [
      'a codec of an impossible density',
      'train --data grammar --out @x --gradient-codec top-k:2',
      "--gradient-codec: 'top-k:2' is not a codec",
    ],
    [
      'a codec without workers',
      'train --data @corpus --out @x --gradient-codec int8 --batch-size 8',
      '--gradient-codec: is for workers and parameter servers',
    ],
    [
      'top-k with an optimizer whose momentum workers cannot take',
      'train --data @corpus --out @x --workers 2 --optimizer adam --gradient-codec top-k --batch-size 8',
      '--gradient-codec: top-k leaves momentum to the workers, which adam cannot',
    ],
    [
      'a worker beyond the last',
      'worker --data grammar --out @x --worker 2 --workers 2 --server-addresses a:1',
      '--worker: 2',
    ],
    [
      'the URL of a server',
      'worker --data grammar --out @x --worker 0 --workers 1 --server-addresses http://ps0:7000',
      "--server-addresses: 'http://ps0:7000' is a URL; write host:port, without http://",
    ],
    [
      'a server without a port',
      'node --role worker --index 0 --workers 1 --data grammar --out @x --server-addresses ps0:7000,ps1',
      "--server-addresses: 'ps1' has no port",
    ],
    [
      'one server twice',
      'worker --data grammar --out @x --worker 0 --workers 1 --server-addresses ps0:7000,ps0:7000',
      '--server-addresses: ps0:7000 is there twice',
    ],
    ['a port that there is not', 'param-server --port 70000 --workers 1', 'It must be a port, an integer from 1 to'],
    ['a URL to listen on', 'param-server --host http://ps0 --port 0 --workers 1', 'It must be a host alone'],
    [
      'a page where an origin is asked for',
      'gateway --checkpoint @x --bundle @y --out @z --ledger @l --clients 1 --origin https://example.org/page',
      "It must be '*', or scheme, host and port alone",
    ],
    [
      'no worker but backups',
      'param-server --port 0 --workers 1 --backup-workers 1',
      '--backup-workers: 1 is not below',
    ],
    [
      'backup workers in an elastic run',
      'train --data @corpus --out @x --workers 3 --min-workers 2 --backup-workers 1',
      '--backup-workers: is for a run whose workers keep their lanes',
    ],
    ['a shard beyond the last', 'param-server --port 0 --workers 1 --shard 1', '--shard: 1 is not below the 1 shard'],
    [
      'a server that anybody may reach',
      'param-server --host 0.0.0.0 --port 0 --workers 1',
      '--host: 0.0.0.0 can be reached from other machines; add --tls-cert and --tls-key or --token-file',
    ],
    [
      'a gateway that anybody may reach',
      'gateway --checkpoint @x --bundle @x --out @x --ledger @l --clients 1 --host 0.0.0.0',
      '--host: 0.0.0.0 can be reached from other machines; add --token-file or --client-tokens, or say --insecure-public',
    ],
    [
      'more honest clients than clients',
      'gateway --checkpoint @x --bundle @x --out @x --ledger @l --clients 2 --honest 3',
      '--honest 3: there are 2 clients in a round',
    ],
    [
      'tokens of clients beside the token of all',
      'gateway --checkpoint @x --bundle @x --out @x --ledger @l --clients 1 --token-file @t --client-tokens @t',
      '--client-tokens: stands in the place of --token-file',
    ],
    ['a certificate without its key', 'param-server --port 0 --workers 1 --tls-cert @c', '--tls-cert: needs --tls-key'],
    ['an authority without a certificate', 'param-server --port 0 --workers 1 --tls-ca @c', '--tls-ca: a server needs'],
    ['an unknown split', 'eval --checkpoint @x --data grammar --split dev', 'Allowed choices are train, valid, test'],
    ['an unknown rule', 'eval --checkpoint @x --data grammar --dynamic adam', 'Allowed choices are rms, sgd'],
    ['a rate of nothing', 'eval --checkpoint @x --data grammar --dynamic-rate 1', '--dynamic-rate: needs --dynamic'],
    ['a part of no cache', 'eval --checkpoint @x --data grammar --cache-lambda 0.2', '--cache-lambda: needs --cache'],
    ['a cache of nothing', 'eval --checkpoint @x --data grammar --cache 0', 'It must be a positive integer'],
    ['nothing but cache', 'eval --checkpoint @x --data grammar --cache 9 --cache-lambda 1', 'a number in [0, 1)'],
    ['learning backwards', 'eval --checkpoint @x --data grammar --dynamic --dynamic-rate -1', 'a number of at least 0'],
    ['no model', 'score --text a', 'give a model: --checkpoint or --bundle'],
    ['two models', 'score --checkpoint @x --bundle @y --text a', 'cannot be used with'],
    ['no text', 'score --checkpoint @x', 'give --text or --ids'],
    ['ids that are no numbers', 'score --checkpoint @x --ids 3,b', 'non-negative integers'],
    ['a negative temperature', 'generate --checkpoint @x --prompt a --temperature -1', 'a number of at least 0'],
    ['a mass above one', 'generate --checkpoint @x --prompt a --top-p 1.1', 'above 0 and at most 1'],
    ['chance in a beam search', 'generate --checkpoint @x --prompt a --beam-width 2 --top-k 3', 'cannot be used with'],
    [
      'an unknown quantization',
      'export --checkpoint @x --out @y --quantization int2',
      'Allowed choices are auto, none, int8, mixed, int4',
    ],
    ['an unknown corpus', 'data fetch tolstoy --out @x', 'tolstoy: no such corpus; choose ptb'],
  ])('%s', async (_, line, message) => {
    const { status, stdout, stderr } = await unrollHere(...arguments_(line));
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(existsSync(at('x'))).toBe(false);
  });
});

describe('a blank path or name ends with status 2 and one line that names its flag:', () => {
  const flagsOf = (command: Command): [string, string, string][] =>
    command.commands.length > 0
      ? command.commands.flatMap(flagsOf)
      : command.options
          .filter(({ flags }) => /[<[](dir|file|path|url|address|list)[>\]]$/.test(flags))
          .map(({ long }) => [commandPath(command), long!, missingFlags(command, long!)]);
  const commandPath = (command: Command): string =>
    command.parent?.parent ? `${commandPath(command.parent)} ${command.name()}` : command.name();
  /** Returns values for the arguments and the other flags that the command requires. */
  const missingFlags = (command: Command, but: string): string =>
    [
      ...command.registeredArguments.map(() => '@x'),
      ...command.options
        .filter(({ mandatory, long }) => mandatory && long !== but)
        .flatMap(({ long, argChoices }) => [long!, argChoices?.[0] ?? (long === '--server-addresses' ? 'a:1' : '1')]),
    ].join(' ');

  test.each(flagsOf(createProgram()))('%s %s', async (command, flag, others) => {
    for (const blank of ['', ' ']) {
      const { status, stdout, stderr } = await unrollHere(...arguments_(`${command} ${others}`.trim()), flag, blank);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr.split('\n')[0]).toContain(flag);
    }
  });

  test.each([
    ['import', '<file>', '--from pytorch --vocab @v --out @x'],
    ['data show', '<path>', ''],
  ])('%s %s', async (command, argument, others) => {
    const { status, stderr } = await unrollHere(...command.split(' '), '', ...others.split(' ').filter(Boolean));
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^unroll: ${argument}: is blank; [^\n]+\n$`));
  });

  test('but a text may be empty', async () => {
    const { stderr } = await unrollHere('generate', '--checkpoint', at('x'), '--prompt', '');
    expect(stderr).toContain('holds no checkpoint');
  });
});

test('a former name of a flag works, and a line names the new one; both at once are refused', async () => {
  const generate = ['generate', '--checkpoint', at('x'), '--prompt', 'a', '--tokens', '5'];
  const { stderr } = await unrollHere(...generate);
  expect(stderr).toContain('--tokens: is now --max-tokens; give that name\n');
  expect(stderr).toContain('holds no checkpoint');
  expect((await unrollHere('generate', '--help')).stdout).not.toContain('--tokens ');
  expect((await unrollHere(...generate, '--max-tokens', '5')).stderr).toContain('cannot be used with');
  const train = ['train', '--task', 'translation', '--data', at('x'), '--out', at('renamed'), '--hidden', '8'];
  expect((await unrollHere(...train)).stderr).toContain('--hidden: is now --hidden-dim; give that name\n');
});

test('a folder that cannot be written is refused before the work of which something is to be written there', async (context) => {
  using disk = mountSmallDisk(at('disk'), 1024 * 1024);
  if (!disk) return context.skip('this process may not mount a file system');
  mkdirSync(at('disk/events'));
  disk.makeReadOnly();
  const server = await unrollHere(...arguments_('param-server --port 0 --workers 1 --snapshot-dir @disk'));
  expect(server.status).toBe(1);
  expect(server.stderr).toMatch(
    /^unroll: [^\n]*disk: cannot hold snapshots \(EROFS[^\n]*choose another folder for snapshots\n$/m,
  );
  const train = await unrollHere(
    ...arguments_('train --data @corpus --out @x --tensorboard @disk/events'),
    ...smallModel,
  );
  expect(train.status).toBe(1);
  expect(train.stderr).toMatch(
    /^unroll: [^\n]*disk\/events: cannot be written: read-only file system \(EROFS\)[^\n]*\n$/m,
  );
  expect(existsSync(at('x'))).toBe(false);
});

describe('what a command cannot work with ends with status 1 and one line that names it:', () => {
  test.each([
    ['data that do not exist', 'train --data @nowhere --out @x', 'nowhere: no such file or folder'],
    ['an empty text', 'train --data @empty.txt --out @x', 'empty.txt: is empty'],
    [
      'a folder without a training text',
      'train --data @without-training --out @x',
      'no training file; found valid.txt',
    ],
    ['a text too short for the batch', 'train --data @corpus --out @x --batch-size 5000', 'too few for 5000 lanes'],
    [
      'a token that does not exist',
      'param-server --port 0 --workers 1 --token-file @nowhere',
      'nowhere: cannot be read: no such file or directory (ENOENT)',
    ],
    ['a token that is too short', 'param-server --port 0 --workers 1 --token-file @short-token', 'at least 16 ASCII'],
    [
      'a token that is empty',
      'param-server --port 0 --workers 1 --token-file @empty-token',
      'empty-token: is empty; a token is one line',
    ],
    [
      'an empty token of a gateway',
      'gateway --checkpoint @x --bundle @x --out @x --ledger @l --clients 1 --token-file @empty-token',
      'empty-token: is empty; a token is one line',
    ],
    [
      'a token of a client that is too short',
      'gateway --checkpoint @x --bundle @x --out @x --ledger @l --clients 1 --client-tokens @short-token',
      'short-token: line 1: a token is one line of at least 16 ASCII',
    ],
    [
      'a token that is a folder',
      'param-server --port 0 --workers 1 --token-file @corpus',
      'corpus: is a folder; name the',
    ],
    [
      'snapshots where there can be none',
      'param-server --port 0 --workers 1 --snapshot-dir /proc/unroll/snapshots',
      '/proc/unroll/snapshots: cannot hold snapshots (ENOENT',
    ],
    [
      'a token that others can read',
      'param-server --port 0 --workers 1 --token-file @open-token',
      'open-token: other users of this machine can open it (permissions 0640); run chmod 600',
    ],
    [
      'a key that others can read',
      'param-server --port 0 --workers 1 --tls-cert @a-file --tls-key @open-token',
      'open-token: other users of this machine can open it (permissions 0640); run chmod 600',
    ],
    [
      'a certificate that is none',
      'param-server --port 0 --workers 1 --tls-cert @a-file --tls-key @short-token',
      'short-token: is no PEM file',
    ],
    ['an --out below a file', 'train --data @corpus --out @a-file/model', 'a-file/model'],
    ['an --out where nothing can be written', 'train --data @corpus --out /proc/unroll/model', '/proc/unroll/model'],
    ['an --out with files of others', 'train --data @corpus --out @foreign', 'foreign: holds files that are no'],
    [
      'the same, to be overwritten',
      'train --data @corpus --out @foreign --overwrite',
      'foreign: holds files that are no',
    ],
    ['a checkpoint that does not exist', 'eval --checkpoint @x --data grammar', 'x: holds no checkpoint; name'],
    ['a bundle that does not exist', 'score --bundle @x --text a', 'manifest.json: not found'],
    ['a corpus that does not exist', 'data show @nowhere', 'nowhere: no such file or folder'],
    ['a folder of others for the grammar', 'data grammar --out @foreign', 'foreign: holds other files'],
    ['a mirror that is no URL', 'data fetch ptb --out @x --mirror nonsense', 'nonsense: is no web address'],
  ])('%s', async (_, line, message) => {
    const small = line.startsWith('train') && !line.includes('--batch-size') ? smallModel : [];
    const { status, stdout, stderr } = await unrollHere(...arguments_(line), ...small);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^unroll: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(readFileSync(at('foreign/thesis.txt'), 'utf8')).toBe('years of work\n');
  });
});
