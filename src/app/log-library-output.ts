import { Console } from 'node:console'
import { Writable } from 'node:stream'
import type { Logger } from 'pino'

/**
 * A console that writes the output of libraries to the log. BullMQ prints a warning where Redis evicts keys, once for
 * each of its connections. The console drops a line that equals the line before.
 */
export function logLibraryOutput(log: Logger): Console {
  let last = ''
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      const printed = text.trim()
      if (printed !== last) log.warn({ printed }, 'library output')
      last = printed
      done()
    }
  })
  return new Console(stream)
}
