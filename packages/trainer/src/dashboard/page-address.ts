/** Parses the address of a run's page from the value of `--dashboard`. */
import { isIPv6 } from 'node:net';
import { isLoopback } from '@unroll/param-server/config';
import { option } from '../configuration/option-names.js';
import { UsageError } from '../errors.js';

export interface PageAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** The flag or option that gives the address, for errors. */
  readonly flag?: string;
}

export const defaultPageAddress: PageAddress = { host: '127.0.0.1', port: 7070 };

/**
 * @param text `port` or `host:port`; an IPv6 address in brackets
 * @param isPublic whether other machines may reach the page, which has no access control
 * @throws UsageError if the text is not an address, or other machines could reach it although it is not public
 */
export function parsePageAddress(text: string, isPublic: boolean, flag = option('dashboard')): PageAddress {
  const [, bracketed, plain, digits] = /^(?:(?:\[(.+)\]|([^:[\]/\s]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? defaultPageAddress.host;
  const port = Number(digits);
  if (digits === undefined || port > 65535 || (bracketed !== undefined && !isIPv6(bracketed))) {
    throw new UsageError(`${flag}: '${text}' is no address; write a port, or host:port as in 127.0.0.1:7070`);
  }
  if (!isPublic && !isLoopback(host)) {
    throw new UsageError(
      `${flag}: ${host} can be reached from other machines, which may then read the page; say ${option('insecurePublic')}`,
    );
  }
  return { host, port };
}

export function urlOf({ host, port }: PageAddress): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}/`;
}
