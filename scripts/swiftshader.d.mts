/**
 * The environment in which a process finds SwiftShader; empty if this Chromium has none or a driver is already named.
 */
export function swiftShaderEnvironment(chromium: string | undefined): Record<string, string>;
