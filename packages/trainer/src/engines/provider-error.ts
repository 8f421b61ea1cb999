/** Makes errors of ONNX Runtime's execution providers readable. */

/** Removes the source location and the failed condition that ONNX Runtime puts before its message. */
export function withoutSourceLine(message: string): string {
  return message.replace(/^\S+\.cc:\d+ .* was false\. /, '');
}
