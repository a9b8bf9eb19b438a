import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** PEM files of a certificate and its key. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Makes an authority in a folder, by the command `openssl`; rejects where there is none. */
export async function makeAuthority(folder: string, name: string): Promise<Certificate> {
  const files = filesOf(folder, name)
  await openssl(['req', '-x509', ...requestOf(name, files.key), '-days', '2', '-out', files.cert])
  return files
}

/** Makes a certificate that the authority has signed for a host: `IP:127.0.0.1`, `DNS:a.example`. */
export async function makeCertificate(
  folder: string,
  name: string,
  host: string,
  authority: Certificate
): Promise<Certificate> {
  const files = filesOf(folder, name)
  const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)]
  await writeFile(extensions, `subjectAltName=${host}\n`)
  await openssl(['req', ...requestOf(name, files.key), '-out', request])
  await openssl([
    ...['x509', '-req', '-in', request, '-days', '2', '-extfile', extensions, '-out', files.cert],
    ...['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial']
  ])
  return files
}

/** Why no certificate can be made here, or false. */
export async function noOpenssl(): Promise<string | false> {
  return openssl(['version']).then(
    () => false,
    () => 'the command openssl is not there'
  )
}

function requestOf(name: string, key: string): string[] {
  return ['-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', key]
}

function filesOf(folder: string, name: string): Certificate {
  return { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
}

async function openssl(args: readonly string[]): Promise<void> {
  await promisify(execFile)('openssl', args)
}
