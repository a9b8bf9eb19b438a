import { type CommittedChange, measureChange } from '../../core/measures/measure-change.ts'
import { bankOf } from '../../core/groups/group.ts'
import { boundedLabel, MOST_BANKS, MOST_CODES } from './bounded-label.ts'
import type { MetricKinds } from './metric-kinds.ts'

const LATENCY = [1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800]
const DURATION = [1, 5, 15, 30, 60, 120, 300, 900, 1800, 3600, 14_400, 86_400, 259_200]
const SEND = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 190]

/** Counts what happens to requests, bank by bank. */
export function requestMetrics(kinds: MetricKinds) {
  const bank = boundedLabel(MOST_BANKS)
  const accepted = kinds.flow('khipu_requests_accepted_total', 'Requests accepted', ['bank'])
  return {
    accepted: (service: string) => accepted.inc({ bank: bank(bankOf(service)) }),
    ...sendMetrics(kinds, bank),
    changed: changeMetrics(kinds, bank)
  }
}

type Bound = (value: string) => string

function sendMetrics(kinds: MetricKinds, bank: Bound) {
  const sends = kinds.flow(
    'khipu_sends_total',
    'POSTs to Khipu, by the kind of the immediate answer; each one is billed',
    ['answer', 'bank']
  )
  const seconds = kinds.spread('khipu_send_seconds', 'How long a POST to Khipu took', SEND, [
    'answer',
    'bank'
  ])
  return {
    /** Counts a POST, with its duration in ms. */
    sent: (answer: string, service: string, tookMs: number) => {
      const labels = { answer, bank: bank(bankOf(service)) }
      sends.inc(labels)
      seconds.observe(labels, tookMs / 1000)
    }
  }
}

function changeMetrics(kinds: MetricKinds, bankOfLabel: Bound) {
  const code = boundedLabel(MOST_CODES)
  const decisions = kinds.flow(
    'khipu_decisions_total',
    'Decisions about attempts: deliver, retry, park or fail',
    ['decision', 'cause', 'code', 'bank']
  )
  const latency = kinds.spread(
    'khipu_callback_latency_seconds',
    'From the start of an attempt until its callback came',
    LATENCY,
    ['bank']
  )
  const ended = kinds.flow('khipu_requests_ended_total', 'Requests ended', [
    'state',
    'reason',
    'bank'
  ])
  const duration = kinds.spread(
    'khipu_request_duration_seconds',
    'From the acceptance of a request to its end',
    DURATION,
    ['state', 'bank']
  )
  return (change: CommittedChange) => {
    const measured = measureChange(change)
    const bank = bankOfLabel(measured.bank)
    for (const decided of measured.decisions)
      decisions.inc({ ...decided, code: code(decided.code), bank })
    for (const ms of measured.latenciesMs) latency.observe({ bank }, ms / 1000)
    if (measured.ended === null) return
    const { state, reason, afterMs } = measured.ended
    ended.inc({ state, reason, bank })
    duration.observe({ state, bank }, afterMs / 1000)
  }
}
