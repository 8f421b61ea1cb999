/**
 * The methods of proto/unroll/v1/parameter_server.proto in grpc-js's form. Both the server and the client use these.
 */
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { unroll } from '../generated/parameter-server.js';
import { chunkMessage } from '../vectors/chunk-message.js';

interface MessageType<Message> {
  encode(message: NoInfer<Message>): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

const {
  JoinRequest,
  JoinResponse,
  UploadRequest,
  UploadResponse,
  InitializeRequest,
  InitializeResponse,
  RestoreRequest,
  RestoreResponse,
  PushRequest,
  PushResponse,
  CommitRequest,
  CommitResponse,
  PullRequest,
  PullResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  StatusRequest,
  StatusResponse,
  FinishRequest,
  FinishResponse,
  LeaveRequest,
  LeaveResponse,
} = unroll.v1;

/** The fully qualified name, which health is reported under too. */
export const serviceName = 'unroll.v1.ParameterServer';

/**
 * Larger than a chunk with its header, and than the join of a model with ten thousand parameters; far below bulk data.
 */
export const maxMessageBytes = 4 * 1024 * 1024;

export const parameterServerService = {
  join: unary('Join', JoinRequest, JoinResponse),
  upload: {
    ...unary('Upload', UploadRequest, UploadResponse),
    requestStream: true,
    requestSerialize: ({ target, offsets, data }) =>
      target
        ? asBuffer(UploadRequest.encode({ target, offsets, data }).finish())
        : chunkMessage({ offsets, data }, { offsets: 2, data: 3 }),
  },
  initialize: unary('Initialize', InitializeRequest, InitializeResponse),
  restore: unary('Restore', RestoreRequest, RestoreResponse),
  push: unary('Push', PushRequest, PushResponse),
  commit: unary('Commit', CommitRequest, CommitResponse),
  pull: {
    ...unary('Pull', PullRequest, PullResponse),
    responseStream: true,
    responseSerialize: (chunk) => chunkMessage(chunk, { offsets: 1, data: 2 }),
  },
  heartbeat: unary('Heartbeat', HeartbeatRequest, HeartbeatResponse),
  status: unary('Status', StatusRequest, StatusResponse),
  finish: unary('Finish', FinishRequest, FinishResponse),
  leave: unary('Leave', LeaveRequest, LeaveResponse),
} satisfies ServiceDefinition;

function unary<Request, Response>(
  name: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
): MethodDefinition<Request, Response> {
  return {
    path: `/${serviceName}/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => asBuffer(request.encode(message).finish()),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (message) => asBuffer(response.encode(message).finish()),
    responseDeserialize: (bytes) => response.decode(bytes),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
