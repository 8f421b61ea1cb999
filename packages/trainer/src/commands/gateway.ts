/** `unroll gateway`: one round of federated averaging with differential privacy, over HTTP. */
import { type Command, InvalidArgumentError } from 'commander';
import { tokenVariable } from '../cluster/token-variable.js';
import { UsageError } from '../errors.js';
import type { GatherResult } from '../gateway/gather.js';
import { interruptible } from '../terminal/interrupt.js';
import { numberBetween, positiveInteger, positiveNumber } from '../terminal/number-arguments.js';
import { addExamples, hostName, jsonOption, logFormatOption, port, printResult } from './options.js';
import { readClientTokens, readToken, requireLoopback } from './security-flags.js';

interface GatewayFlags {
  checkpoint: string;
  bundle: string;
  out: string;
  ledger: string;
  clients: number;
  population?: number;
  clipNorm: number;
  noiseMultiplier: number;
  delta: number;
  host: string;
  port: number;
  origin: string;
  tokenFile?: string;
  clientTokens?: string;
  honest?: number;
  insecurePublic?: boolean;
  json?: boolean;
}

export function addGateway(program: Command): void {
  const command = program
    .command('gateway')
    .description('gather what devices learned, clipped and noised by them, into the next checkpoint')
    .requiredOption('--checkpoint <dir>', 'the model that the devices have')
    .requiredOption('--bundle <dir>', 'the bundle that was exported from it')
    .requiredOption('--out <dir>', 'where the next checkpoint goes')
    .requiredOption('--ledger <file>', 'where every published sum is entered; keep it for all rounds with these people')
    .requiredOption('--clients <n>', 'updates in the round', positiveInteger)
    .option(
      '--population <n>',
      'people of whom the clients are chosen by chance (default: the clients)',
      positiveInteger,
    )
    .option('--clip-norm <x>', 'the greatest length of an update', positiveNumber, 1)
    .option('--noise-multiplier <x>', "the noise of the updates' sum, in clip norms", positiveNumber, 1)
    .option(
      '--honest <n>',
      'updates of a round that are taken to have their noise, for ε; fewer than all if clients may lie (default: all)',
      positiveInteger,
    )
    .option('--delta <x>', 'the δ of (ε, δ)-differential privacy', numberBetween(1e-300, 1), 1e-6)
    .option(
      '--host <address>',
      'the address to listen on; beyond 127.0.0.1 a token must guard it, and a proxy with TLS belongs before it',
      hostName,
      '127.0.0.1',
    )
    .option('--port <n>', 'the port to listen on', port, 8787)
    .option('--origin <url>', "the origin of the pages that contribute, or '*'", origin, '*')
    .option(
      '--token-file <file>',
      `a secret that clients must show; only you may be able to open it (default: the variable ${tokenVariable})`,
    )
    .option(
      '--client-tokens <file>',
      'secrets, a line each, of which each may contribute once a round; only you may be able to open it',
    )
    .option('--insecure-public', 'serve other machines without a token: whoever reaches the port can contribute')
    .addOption(jsonOption())
    .addOption(logFormatOption())
    .action(async (flags: GatewayFlags) => {
      const { population = flags.clients } = flags;
      if (population < flags.clients) {
        throw new UsageError(
          `--population ${population}: there are ${flags.clients} clients in a round; give at least as many`,
        );
      }
      const { honest = flags.clients } = flags;
      if (honest > flags.clients) {
        throw new UsageError(`--honest ${honest}: there are ${flags.clients} clients in a round; give at most as many`);
      }
      const { tokenFile, clientTokens: clientTokensFile, ...rest } = flags;
      if (tokenFile && clientTokensFile) throw new UsageError('--client-tokens: stands in the place of --token-file');
      const clientTokens = clientTokensFile === undefined ? undefined : await readClientTokens(clientTokensFile);
      if (clientTokens && clientTokens.length < flags.clients) {
        throw new UsageError(
          `--clients ${flags.clients}: ${clientTokensFile} has tokens of ${clientTokens.length}, who contribute once each`,
        );
      }
      const { token } = clientTokens ? {} : await readToken(tokenFile);
      const isGuarded = token !== undefined || clientTokens !== undefined;
      if (!isGuarded && !flags.insecurePublic) requireLoopback(flags.host, '--token-file or --client-tokens');
      const { runGateway } = await import('../gateway/run-gateway.js');
      const request = { ...rest, population, honest, token, clientTokens };
      const result = await interruptible((signal) => runGateway(request, signal));
      await printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'gateway --checkpoint runs/first --bundle bundles/first --out runs/second --ledger privacy.jsonl --clients 100',
  );
}

function origin(text: string): string {
  if (text === '*' || (URL.canParse(text) && new URL(text).origin === text)) return text;
  throw new InvalidArgumentError("It must be '*', or scheme, host and port alone, as in https://example.org.");
}

function describe({ checkpoint, clients, honest, rounds, epsilon, delta }: GatherResult): string {
  const published = rounds === 1 ? 'this round is' : `the ledger's ${rounds} rounds together are`;
  const assumed = `if ${honest} of the ${clients} updates were clipped and noised as asked, and nobody sent two`;
  return `${checkpoint}: the mean of ${clients} updates; ${published} (ε = ${epsilon.toFixed(3)}, δ = ${delta})-differentially private, ${assumed}`;
}
