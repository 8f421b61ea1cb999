/**
 * Makes channels reach servers directly, ignoring any proxy in the environment. A proxy would see the token and every
 * gradient.
 */
import type { ClientOptions } from '@grpc/grpc-js';

/** Part of the options of every channel to a server. By default gRPC uses `http_proxy` even for 127.0.0.1. */
export const directChannel: ClientOptions = { 'grpc.enable_http_proxy': 0 };
