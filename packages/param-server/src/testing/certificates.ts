/**
 * Certificates for tests: an authority, a server on this machine, a worker, and a stranger. Made by `openssl`, as users
 * do.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, in PEM. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

/** @throws Error if there is no `openssl` of version 3 */
export function makeAuthority(folder: string, name: string): Certified {
  return make(folder, name, []);
}

/** Makes a certificate for `127.0.0.1` and `localhost`, signed by the authority in the same folder. */
export function certify(folder: string, name: string, authority: string): Certified {
  const [ca, key] = [join(folder, `${authority}.crt`), join(folder, `${authority}.key`)];
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  return make(folder, name, ['-CA', ca, '-CAkey', key, '-addext', names, '-addext', 'basicConstraints=CA:FALSE']);
}

/** Makes the same certificate, but expired, for a server on this machine. */
export function certifyForYesterday(folder: string, name: string, authority: string): Certified {
  const [request, certificate, key] = ['csr', 'crt', 'key'].map((ending) => join(folder, `${name}.${ending}`)) as [
    string,
    string,
    string,
  ];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  openssl('req', '-new', ...newKey, '-subj', `/CN=${name}`, ...names, '-keyout', key, '-out', request);
  const signer = ['-CA', join(folder, `${authority}.crt`), '-CAkey', join(folder, `${authority}.key`)];
  openssl('x509', '-req', '-in', request, ...signer, '-copy_extensions', 'copy', '-days', '-1', '-out', certificate);
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...options: readonly string[]): void {
  execFileSync('openssl', options, { stdio: 'pipe' });
}

function make(folder: string, name: string, options: readonly string[]): Certified {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const request = ['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`];
  openssl(...request, '-keyout', key, '-out', certificate, ...options);
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}
