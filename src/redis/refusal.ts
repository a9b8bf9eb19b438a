/** The word with which Redis refuses, such as WRONGPASS, NOPERM, READONLY or OOM; undefined for any other error. */
export function refusalOf({ name, message }: Error): string | undefined {
  return name === 'ReplyError' ? /^[A-Z]{3,20}\b/.exec(message)?.[0] : undefined
}
