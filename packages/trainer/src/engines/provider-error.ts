/** What ONNX Runtime's execution providers say when they do not start, for people. */

/** The message without the place in ONNX Runtime's source and the condition that stand before what went wrong. */
export function withoutSourceLine(message: string): string {
  return message.replace(/^\S+\.cc:\d+ .* was false\. /, '');
}
