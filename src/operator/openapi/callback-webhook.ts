/** What the public listener answers to a callback, by HTTP status. A test compares it with the table of answers. */
const ANSWERS: Readonly<Record<number, string>> = {
  200: 'Stored (`accepted`), or stored before (`duplicate`), or noted, because the request has ended (`late`)',
  400: 'Not JSON, and kept in quarantine. Without a `quarantineId`: no readable HTTP request',
  404: 'No valid callback token, or an unknown request. The body of a call without a valid token is not read',
  408: 'The call did not arrive in time',
  413: 'Larger than BODY_LIMIT',
  415: 'Has a Content-Encoding, and is kept in quarantine',
  422: 'Breaks the schema, and is kept in quarantine',
  429: 'Too many different bodies for one request, or too many calls without a valid token. `Retry-After` says when to send it again',
  431: 'More than 100 headers or 16 KB',
  503: 'Can not be stored now. `Retry-After` says when to send it again',
  505: 'Not HTTP 1.x'
}

const RETRY_LATER = new Set(['429', '503'])
const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer', minimum: 0 } }
} as const

const KEPT = {
  status: 'refused',
  quarantineId: '01938c60-11aa-7b22-8c33-4d5e6f708192'
}

const EXAMPLES: Readonly<Record<string, object>> = {
  200: { status: 'accepted', receipt: '01938c5f-0b1c-7d2e-8f30-415263748596' },
  400: { ...KEPT, faults: [{ path: '', rule: 'json', message: 'is not JSON' }] },
  404: { status: 'not-found' },
  408: { status: 'refused' },
  413: { status: 'too-large' },
  415: {
    ...KEPT,
    faults: [
      {
        path: '',
        rule: 'content-encoding',
        message: 'must come as it is, without a content encoding'
      }
    ]
  },
  422: {
    ...KEPT,
    faults: [{ path: '/Status', rule: 'enum', message: 'must be one of OK, ERROR' }]
  },
  429: { status: 'too-many' },
  431: { status: 'refused' },
  503: { status: 'unavailable' },
  505: { status: 'refused' }
}

/** What Khipu calls: the CallbackUrl of an attempt. It is on the public listener and has no bearer token. */
export const CALLBACK_WEBHOOK = {
  post: {
    operationId: 'receiveCallback',
    summary: 'Khipu sends the result of a request',
    description:
      'Khipu POSTs it to `{PUBLIC_URL}/callbacks/{capability}` on the public listener. The capability in the path is the only authorization.',
    tags: ['callbacks'],
    security: [],
    requestBody: {
      required: true,
      description: 'Any content type is read as JSON',
      content: { 'application/json': { schema: { $ref: '#/components/schemas/KhipuEnvelope' } } }
    },
    responses: Object.fromEntries(
      Object.entries(ANSWERS).map(([status, description]) => [
        status,
        answerOf(status, description)
      ])
    )
  }
}

function answerOf(status: string, description: string) {
  const schema = { $ref: '#/components/schemas/CallbackAnswer' }
  return {
    description,
    ...(RETRY_LATER.has(status) ? { headers: RETRY_AFTER } : {}),
    content: { 'application/json': { schema, example: EXAMPLES[status] } }
  }
}
