/** Checks an address of a parameter server: `host:port`, with an IPv6 address in brackets. It resolves no names. */
import { isIPv6 } from 'node:net';

const mostPort = 65535;

/** Returns what is wrong with the address, and what to write instead; undefined if it is valid. */
export function addressFault(address: string): string | undefined {
  if (address === '') return 'is empty; write host:port, as in ps0:7000';
  if (/\s/.test(address)) return 'has a blank in it; leave the blank out';
  const [scheme] = /^[a-z][a-z\d+.-]*:\/\//i.exec(address) ?? [];
  if (scheme) return `is a URL; write host:port, without ${scheme}`;
  if (isIPv6(address) || /^[^[\]]*:[^[\]]*:/.test(address)) {
    return 'is an IPv6 address without brackets; write host and port as in [::1]:7000';
  }
  const [, ipv6, host, port] = /^(?:\[([^[\]]*)\]|([^:/?#@[\]]+))(?::(\d*))?$/.exec(address) ?? [];
  if (ipv6 === undefined && host === undefined) return 'is no host:port; write it as in ps0:7000';
  if (ipv6 !== undefined && !isIPv6(ipv6)) return 'has no IPv6 address in its brackets; write it as in [::1]:7000';
  if (!port) return 'has no port; write host:port, as in ps0:7000';
  if (Number(port) < 1 || Number(port) > mostPort) return `has no port from 1 to ${mostPort}; correct it`;
  return undefined;
}
