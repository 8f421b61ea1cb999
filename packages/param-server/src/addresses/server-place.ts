/** The host and port of a server. */

export interface ServerPlace {
  readonly host: string;
  readonly port: number;
}

/** @param address `host:port`, with an IPv6 address in brackets; without a port, gRPC's default */
export function placeOf(address: string): ServerPlace {
  const { hostname, port } = new URL(`https://${address}`);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 443) };
}
