import { readFile } from 'node:fs/promises'
import { type Front, type Place, startFront, swap } from './front.ts'
import type { Scope } from './world.ts'

/** Starts nginx with the configuration of `deploy/`, in which just the marked lines are changed. */
export async function startNginx(
  scope: Scope,
  program: string,
  port: number,
  servers: readonly [string, string],
  changes: readonly (readonly [from: string, to: string])[] = []
): Promise<Front> {
  const given = await readFile(new URL('../../deploy/nginx.conf', import.meta.url), 'utf8')
  const configure = ({ cert, key, own }: Place) =>
    swap(given, [
      ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
      ['server server:3000 ', `server 127.0.0.1:${servers[0]} `],
      ['server server-2:3000 ', `server 127.0.0.1:${servers[1]} `],
      ['/run/secrets/tls_certificate;', `${cert};`],
      ['/run/secrets/tls_key;', `${key};`],
      // What it writes lies elsewhere, so that nothing of another nginx is in the way.
      ...WRITTEN.map((line) => [` /tmp/${line};`, ` ${own}/${line};`] as const),
      ...changes
    ])
  return startFront(scope, {
    program,
    port,
    configure,
    args: ({ config }) => ['-e', 'stderr', '-g', 'daemon off;', '-c', config]
  })
}

const WRITTEN = ['nginx.pid', 'client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
