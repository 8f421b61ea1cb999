/** The environment in which a process finds SwiftShader; empty where this Chromium has none or a driver is named already. */
export function swiftShaderEnvironment(chromium: string | undefined): Record<string, string>;
