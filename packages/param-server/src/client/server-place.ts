/** Where a server is. */

export interface ServerPlace {
  readonly host: string;
  readonly port: number;
}

/** @param address `host:port`, an IPv6 address in brackets; gRPC's default port if there is none */
export function placeOf(address: string): ServerPlace {
  const { hostname, port } = new URL(`https://${address}`);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 443) };
}
