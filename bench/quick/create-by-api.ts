import { randomInt } from 'node:crypto'
import { Pool } from 'undici'
import { callbackPath, manyTimes } from '../site/fill.ts'
import { type Service, TOKEN } from '../site/service.ts'

/**
 * Creates requests by the operator API and gives the paths of their callbacks. The ledger of another commit may look
 * different, but its API does not.
 */
export async function createByApi({ adminPort }: Service, count: number): Promise<string[]> {
  const pool = new Pool(`http://127.0.0.1:${adminPort}`, { connections: 20 })
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
  const paths = await manyTimes(count, async () => {
    const account = `D${randomInt(10 ** 9)}${randomInt(10 ** 9)}`
    const body = JSON.stringify({ RequestData: { AccountNumber: account } })
    const answer = await pool.request({ method: 'POST', path: '/v1/requests', headers, body })
    if (answer.statusCode !== 202) {
      throw new Error(`POST /v1/requests was answered ${answer.statusCode}`)
    }
    const { requestId } = (await answer.body.json()) as { requestId: string }
    return callbackPath(requestId)
  })
  await pool.close()
  return paths
}
