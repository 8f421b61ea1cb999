/** Servers are reached directly, whatever proxy the environment names: through one, it would see the token and every gradient. */
import type { ClientOptions } from '@grpc/grpc-js';

/** Among the options of every channel to a server. By default gRPC takes `http_proxy` even for 127.0.0.1. */
export const directChannel: ClientOptions = { 'grpc.enable_http_proxy': 0 };
