/** The part of a request (schemas/request-view.json) that the demo reads. */
export interface RequestView {
  readonly requestId: string
  readonly state: string
  readonly reason: string | null
  readonly attempts: number
  readonly dueAt: string | null
}

/** Which parked requests a notification is about. */
export interface Notification {
  readonly code: string
  readonly dryRun?: true
}

/** The service's operator API, as far as the demo needs it; every call rejects unless it is answered 2xx. */
export interface Operator {
  /** Asks for the transactions of an account; resolves with the request's id. */
  ask(accountNumber: string, reference: string): Promise<string>
  list(): Promise<readonly RequestView[]>
  notify(
    notification: Notification
  ): Promise<{ readonly matched: number; readonly released: number }>
  /** The request ids of what is kept in quarantine. */
  quarantine(): Promise<readonly string[]>
}

/** Where the operator API is. */
export interface OperatorSettings {
  readonly url: string
  readonly token: string
  readonly signal: AbortSignal
}

/** A client of the operator API. */
export function createOperator(settings: OperatorSettings): Operator {
  const get = (path: string) => call(settings, 'GET', path)
  const post = (path: string, body: object) => call(settings, 'POST', path, body)
  return {
    async ask(accountNumber, reference) {
      const body = { RequestData: { AccountNumber: accountNumber }, reference }
      return ((await post('/v1/requests', body)) as { requestId: string }).requestId
    },
    async list() {
      return ((await get('/v1/requests?limit=200')) as { items: RequestView[] }).items
    },
    async notify(notification) {
      const outcome = await post('/v1/notifications', notification)
      return outcome as { matched: number; released: number }
    },
    async quarantine() {
      const { items } = (await get('/v1/quarantine?limit=200')) as { items: RequestView[] }
      return items.map(({ requestId }) => requestId)
    }
  }
}

const ANSWER_WITHIN_MS = 10_000

async function call(settings: OperatorSettings, method: string, path: string, body?: object) {
  const { url, token, signal } = settings
  const authorization = `Bearer ${token}`
  const content = body && {
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body)
  }
  const response = await fetch(url + path, {
    method,
    headers: { authorization },
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    ...content
  }).catch((cause: unknown) => {
    throw new Error(`${method} ${path} of the operator API got no answer`, { cause })
  })
  const answer: unknown = await response.json()
  if (response.ok) return answer
  throw new Error(`${method} ${path} of the operator API was answered ${response.status}`)
}
