// An authority of the test's own and a certificate by it, as PEM files, made by openssl.
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes the authority in `folder`: the file of its certificate. */
export function authority(folder) {
  const [ca, key] = [join(folder, 'ca.pem'), join(folder, 'ca.key')];
  openssl('req', '-x509', ...CURVE, '-keyout', key, '-out', ca, '-days', '2', '-subj', '/CN=Confab test authority');
  return ca;
}

/** Makes a certificate for `name` by the authority there, in `cert.pem` and `key.pem`; one that was there is replaced. */
export function certify(folder, name, address) {
  const file = (f) => join(folder, f);
  const names = [`DNS:${name}`, ...(address ? [`IP:${address}`] : [])].join(',');
  writeFileSync(file('extensions'), `subjectAltName=${names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n`);
  openssl('req', ...CURVE, '-keyout', file('key.new'), '-out', file('request'), '-subj', `/CN=${name}`);
  openssl('x509', '-req', '-in', file('request'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '1',
    '-extfile', file('extensions'), '-out', file('cert.new'));
  // One after the other, as renewing programs do.
  for (const part of ['cert', 'key']) writeFileSync(file(`${part}.pem`), readFileSync(file(`${part}.new`)));
  return { cert: file('cert.pem'), key: file('key.pem') };
}

/** A flag that makes Chromium take this certificate, in pages and in connections to a relay. */
export function believes(cert) {
  const { publicKey } = new X509Certificate(readFileSync(cert));
  const digest = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  return `--ignore-certificate-errors-spki-list=${digest}`;
}
