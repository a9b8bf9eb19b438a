import { ref } from '../route-schemas.ts'

const OPEN = { tags: ['service'], security: [] }

const LIVENESS = {
  type: 'object',
  description: 'The process runs',
  required: ['status'],
  properties: { status: { type: 'string', enum: ['live'] } },
  examples: [{ status: 'live' }]
}

export const LIVE_SCHEMA = {
  operationId: 'getLiveness',
  summary: 'Tell whether the process runs',
  ...OPEN,
  response: { 200: LIVENESS }
}

export const READY_SCHEMA = {
  operationId: 'getReadiness',
  summary: 'Tell whether the service can store callbacks',
  ...OPEN,
  response: { 200: ref('readiness'), 503: ref('readiness') }
}

const EXPOSITION = {
  type: 'string',
  examples: ['# TYPE khipu_ledger_up gauge\nkhipu_ledger_up 1\n']
}

export const METRICS_SCHEMA = {
  operationId: 'getMetrics',
  summary: 'Give the metrics in the format of Prometheus',
  ...OPEN,
  response: {
    200: { description: 'All metrics', content: { 'text/plain': { schema: EXPOSITION } } }
  }
}
