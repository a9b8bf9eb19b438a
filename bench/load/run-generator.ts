import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startNode } from '../site/processes.ts'
import type { Order, Report } from './order.ts'

/** A running load generator. It takes one order at a time. */
export interface Generator {
  /** Rejects with the name of the receiver where a call got a wrong answer. */
  send(name: string, order: Order): Promise<Report>
  stop(): Promise<void>
}

export function startGenerator(): Generator {
  const file = fileURLToPath(new URL('generator.ts', import.meta.url))
  const { child, stop } = startNode('generator', [file], {}, 'pipe')
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('the generator has no pipes')
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return {
    async send(name, order) {
      stdin.write(`${JSON.stringify(order)}\n`)
      const { value, done } = await lines.next()
      if (done === true) throw new Error('the load generator ended')
      const report = JSON.parse(String(value)) as Report | { readonly error: string }
      if ('error' in report) throw new Error(`${name}: ${report.error}`)
      return report
    },
    stop
  }
}
