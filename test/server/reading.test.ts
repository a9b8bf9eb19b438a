import { connect } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { bytes, ok } from '../support/callbacks.ts'
import { openPublic, openServerService } from '../support/listeners.ts'
import { askIn } from '../support/requests.ts'
import { until } from '../support/until.ts'

t.test(
  'large bodies of one request are read a few at a time, those of others all the same',
  async (t) => {
    const service = await openServerService(t)
    const { address, post } = await openPublic(t, service)
    const tokenOf = async () =>
      service.capabilities.sign({
        requestId: await askIn(service, 'awaiting-callback'),
        attempt: 1
      })
    const [token, other] = [await tokenOf(), await tokenOf()]
    const { hostname, port } = new URL(address)
    const begin = async (how: string) => {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      socket.write(
        `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${how}\r\n\r\n`
      )
      const [answer] = (await once(socket, 'data')) as [Buffer]
      return { socket, answer: answer.toString('latin1') }
    }
    const large = [
      'Content-Length: 1000000',
      'Transfer-Encoding: chunked',
      'Content-Length: 600000'
    ]
    const begun = await Promise.all(large.map(begin))
    for (const { answer } of begun) t.match(answer, /^HTTP\/1\.1 100 /)
    for (const how of large) t.match((await begin(how)).answer, /^HTTP\/1\.1 503 /)

    const body = bytes(ok({ AdditionalInformation: ' '.repeat(600_000) }))
    t.match((await post(other, body)).json, { status: 'accepted' })
    t.match(
      (await post(token, bytes(ok()))).json,
      { status: 'accepted' },
      'a small one has its place'
    )

    for (const { socket } of begun) socket.destroy()
    await until('there is room again', async () => (await post(token, body)).status === 200)
  }
)
