/** Records what the content security policy of this page or worker forbids during an attempt. */

export interface Violation {
  /** For example `connect-src`, even if `default-src` stands in for it. */
  readonly directive: string;
  /** The blocked address, or a keyword. */
  readonly blocked: string;
}

export class PolicyWatch {
  readonly #violations: Violation[] = [];

  constructor() {
    if (isSupported) globalThis.addEventListener('securitypolicyviolation', this.#note);
  }

  /** The directives violated since the watch began. Browsers report them in a task after the failure. */
  async violations(): Promise<readonly Violation[]> {
    if (isSupported) await new Promise((resolve) => setTimeout(resolve, 20));
    return this.#violations;
  }

  stop(): void {
    if (isSupported) globalThis.removeEventListener('securitypolicyviolation', this.#note);
  }

  readonly #note = ({ disposition, effectiveDirective, blockedURI }: SecurityPolicyViolationEvent) => {
    if (disposition === 'enforce') this.#violations.push({ directive: effectiveDirective, blocked: blockedURI });
  };
}

const isSupported = 'SecurityPolicyViolationEvent' in globalThis;
