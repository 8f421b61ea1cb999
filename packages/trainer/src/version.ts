/** The version of Unroll, which workers and parameter servers must share. */
import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('../package.json') as { version: string };

export const version = manifest.version;
