/** Who looks at the pages as a browser does, without JavaScript: it keeps cookies and sends forms. */
export interface Visitor {
  readonly cookies: Map<string, string>
  get(path: string, headers?: Headers): Promise<Page>
  /** Sends a form as a page of the same origin does. */
  send(path: string, fields: Record<string, string>, headers?: Headers): Promise<Page>
  /** Opens the form at a path, then sends it with its CSRF token. */
  fill(path: string, fields: Record<string, string>, to?: string): Promise<Page>
  logIn(token: string): Promise<Page>
}

type Headers = Readonly<Record<string, string>>

export interface Page {
  readonly status: number
  readonly headers: globalThis.Headers
  readonly text: string
  readonly location: string | null
}

export function visit(address: string): Visitor {
  const cookies = new Map<string, string>()
  const call = async (path: string, init: RequestInit, headers: Headers): Promise<Page> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const given = { ...(cookie === '' ? {} : { cookie }), ...headers }
    const answer = await fetch(address + path, { redirect: 'manual', ...init, headers: given })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/Max-Age=0/.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    const { status, headers: answered } = answer
    const location = answered.get('location')
    return { status, headers: answered, text: await answer.text(), location }
  }
  const get: Visitor['get'] = (path, headers = {}) => call(path, {}, headers)
  const send: Visitor['send'] = (path, fields, headers = {}) => {
    const init = { method: 'POST', body: new URLSearchParams(fields).toString() }
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    return call(path, init, { ...type, origin: address, ...headers })
  }
  const fill: Visitor['fill'] = async (path, fields, to = path) => {
    const { text } = await get(path)
    return send(to, { _csrf: csrfOf(text), ...fields })
  }
  return { cookies, get, send, fill, logIn: (token) => fill('/login', { token }) }
}

/** The CSRF token of the first form of a page. */
export function csrfOf(text: string): string {
  return /name="_csrf" value="([^"]*)"/.exec(text)?.[1] ?? ''
}
