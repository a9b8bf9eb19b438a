import { Redis } from 'ioredis'

/** Resolves once the Redis at this URL answers PING; rejects with `died`, or after 15 seconds. */
export async function untilItAnswers(url: string, died?: Promise<never>): Promise<void> {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 })
  let trouble: unknown
  client.on('error', (error) => (trouble = error))
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no Redis answers at ${placeOf(url)}`, { cause: trouble }))
    }, 15_000)
  })
  try {
    await Promise.race([client.ping(), tooLong, ...(died ? [died] : [])])
  } finally {
    clearTimeout(timer)
    client.disconnect()
  }
}

/** Host and port: the rest of the URL may hold a password. */
function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the given address'
}
