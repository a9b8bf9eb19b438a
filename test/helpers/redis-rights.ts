import { readFileSync } from 'node:fs'

/** The rule of `docs/deploy/redis.md` for a Redis user with the least rights, word by word: the user's name comes first. */
export function readRule(): string[] {
  const document = readFileSync(new URL('../../docs/deploy/redis.md', import.meta.url), 'utf8')
  const [, after = ''] = document.split('<!-- acl -->')
  const [, block = ''] = /^```sh\nredis-cli ACL SETUSER (.*?)^```$/ms.exec(after) ?? []
  return [...block.replaceAll('\\\n', ' ').matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain = '']) => quoted ?? plain
  )
}

/** The commands that it grants. */
export function grantedCommands(): string[] {
  return readRule().filter((token) => token.startsWith('+'))
}
