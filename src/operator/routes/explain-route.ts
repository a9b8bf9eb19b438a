import type { FastifyInstance } from 'fastify'
import { explain } from '../../core/explain/explain.ts'
import type { Language } from '../../core/explain/texts.ts'
import type { Policy } from '../../core/policy.ts'
import type { Lookup } from '../../ledger/queries.ts'
import type { Explanation } from '../../schemas/generated.ts'
import { answers, REQUEST_ID } from '../route-schemas.ts'
import { instant } from '../views.ts'
import { blockerOf, unknownRequest } from './request-routes.ts'

export interface ExplainDeps {
  readonly catalog: Pick<Lookup, 'find' | 'now' | 'ahead'>
  readonly policy: Policy
}

/** The header that asks for a language, for OpenAPI only. A language that the texts lack is no error. */
export const LANGUAGE_HEADER = {
  type: 'object',
  properties: {
    'accept-language': {
      type: 'string',
      description: '`es` gives the texts in Spanish, all else in English'
    }
  }
} as const

/** `GET /v1/requests/{id}/explain`: why a request is where it is, what comes next, and what can be done. */
export async function explainRoute(app: FastifyInstance, deps: ExplainDeps): Promise<void> {
  app.get<{ Params: { id: string } }>(
    '/requests/:id/explain',
    {
      config: { scope: 'read', problems: ['unknown-request'] },
      schema: {
        operationId: 'explainRequest',
        summary: 'Say why a request is where it is, and what can be done',
        tags: ['requests'],
        params: REQUEST_ID,
        headers: LANGUAGE_HEADER,
        ...answers(200, 'explanation')
      }
    },
    ({ params, headers }, reply) => {
      const language = languageOf(headers['accept-language'])
      void reply.header('content-language', language).header('vary', 'accept-language')
      return explainRequest(deps, params.id, language)
    }
  )
}

/** Why the request of that id is where it is; throws where there is none. */
export async function explainRequest(
  { catalog, policy }: ExplainDeps,
  id: string,
  language: Language
): Promise<Explanation> {
  const [request, now] = await Promise.all([catalog.find(id), catalog.now(id)])
  if (request === null) throw unknownRequest()
  const blockedBy = await blockerOf(catalog, request)
  const { next, ...explained } = explain(request, policy, now, language)
  const { requestId, state, reason, code } = request
  return {
    ...{ requestId, state, reason, code, ...explained, blockedBy },
    next: {
      at: next.at === null ? null : instant(next.at),
      what: next.what,
      otherwise: next.otherwise && { ...next.otherwise, at: instant(next.otherwise.at) }
    },
    actions: [...explained.actions]
  }
}

/** The first language of the header that the texts have; else English. */
export function languageOf(accepted = ''): Language {
  const [, language = 'en'] = /(?:^|,)\s*(en|es)\b/i.exec(accepted) ?? []
  return language.toLowerCase() === 'es' ? 'es' : 'en'
}
