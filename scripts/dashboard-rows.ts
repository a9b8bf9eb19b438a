// What the dashboard shows, row by row. `$instance` and `$bank` are its variables.

export interface Panel {
  readonly title: string
  /** What the panel tells, and from where on it is bad. */
  readonly description?: string
  readonly unit: string
  readonly type?: 'stat' | 'heatmap'
  /** Each query with the legend of its series. */
  readonly queries: Readonly<Record<string, string>>
  /** From which value on a number is red; where it is a floor, below which. */
  readonly bad?: number
  readonly isFloor?: boolean
  readonly isStacked?: boolean
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

/** A stock is the same in every process. */
const stock = (metric: string, labels = '', by = '') =>
  `max${by === '' ? '' : ` by (${by})`} (${metric}{instance=~"$instance"${labels}})`
/** A flow, per minute. Each process counts its own. */
const perMinute = (metric: string, by: string, labels = '') =>
  `sum by (${by}) (rate(${metric}{instance=~"$instance"${labels}}[$__rate_interval])) * 60`
const quantile = (of: number, metric: string, labels = '') =>
  `histogram_quantile(${of}, sum by (le) (rate(${metric}_bucket{instance=~"$instance"${labels}}[$__rate_interval])))`
const quantiles = (metric: string, labels = '') => ({
  p50: quantile(0.5, metric, labels),
  p99: quantile(0.99, metric, labels)
})

const BANK = ', bank=~"$bank"'
const DELIVERED = `${BANK}, decision="deliver"`
/** The live requests, which have an empty bank where there are none of a state. */
const LIVE = 'max by (state, reason, bank) (khipu_requests_live{instance=~"$instance"'

export const ROWS: readonly Row[] = [
  {
    title: 'Now',
    panels: [
      {
        title: 'Unaccounted',
        description: 'accepted − ended − live. It must be 0',
        type: 'stat',
        unit: 'short',
        bad: 1,
        queries: { requests: `abs(${stock('khipu_requests_unaccounted')})` }
      },
      {
        title: 'Overdue',
        description: 'How long the oldest overdue request has been overdue',
        type: 'stat',
        unit: 's',
        bad: 60,
        queries: { oldest: stock('khipu_oldest_overdue_seconds') }
      },
      {
        title: 'Needs somebody',
        description: 'Parked requests',
        type: 'stat',
        unit: 'short',
        bad: 1,
        queries: { parked: `sum(${LIVE}, state="parked"${BANK}})) or vector(0)` }
      },
      {
        title: 'Ledger up',
        description: '1 where every process reaches Redis',
        type: 'stat',
        unit: 'short',
        bad: 1,
        isFloor: true,
        queries: { least: 'min(khipu_ledger_up{instance=~"$instance"})' }
      },
      {
        title: 'Spool',
        description: 'Callbacks that wait on a disk for Redis',
        type: 'stat',
        unit: 'short',
        bad: 1,
        queries: { callbacks: 'sum(khipu_spool_entries{instance=~"$instance"}) or vector(0)' }
      },
      {
        title: 'Redis filled',
        description: 'At 75 % intake and sending stop',
        type: 'stat',
        unit: 'percentunit',
        bad: 0.6,
        queries: { filled: stock('khipu_redis_filled_ratio') }
      }
    ]
  },
  {
    title: 'Flow',
    panels: [
      {
        title: 'Requests per minute',
        unit: 'cpm',
        queries: {
          accepted: `sum(rate(khipu_requests_accepted_total{instance=~"$instance"${BANK}}[$__rate_interval])) * 60`,
          '{{state}}': perMinute('khipu_requests_ended_total', 'state', BANK)
        }
      },
      {
        title: 'Success by bank',
        description: 'The part of the decisions that delivered a result',
        unit: 'percentunit',
        queries: {
          '{{bank}}': `sum by (bank) (rate(khipu_decisions_total{instance=~"$instance"${DELIVERED}}[30m])) / sum by (bank) (rate(khipu_decisions_total{instance=~"$instance"${BANK}}[30m]))`
        }
      },
      {
        title: 'Decisions by cause and code',
        unit: 'cpm',
        isStacked: true,
        queries: {
          '{{decision}} {{cause}} {{code}}': perMinute(
            'khipu_decisions_total',
            'decision, cause, code',
            BANK
          )
        }
      },
      {
        title: 'Duration of a request',
        unit: 's',
        queries: quantiles('khipu_request_duration_seconds', BANK)
      }
    ]
  },
  {
    title: 'Khipu',
    panels: [
      {
        title: 'Callback latency',
        description: 'From the start of an attempt to its callback',
        type: 'heatmap',
        unit: 's',
        queries: {
          '{{le}}': `sum by (le) (increase(khipu_callback_latency_seconds_bucket{instance=~"$instance"${BANK}}[$__rate_interval]))`
        }
      },
      {
        title: 'Sends by answer',
        description: 'Each POST is billed',
        unit: 'cpm',
        isStacked: true,
        queries: { '{{answer}}': perMinute('khipu_sends_total', 'answer', BANK) }
      },
      {
        title: 'Duration of a POST',
        unit: 's',
        queries: quantiles('khipu_send_seconds', BANK)
      },
      {
        title: 'Sends per delivered request',
        description: 'What a result costs, in POSTs, over an hour',
        unit: 'short',
        queries: {
          '{{bank}}': `sum by (bank) (increase(khipu_sends_total{instance=~"$instance"${BANK}}[1h])) / (sum by (bank) (increase(khipu_requests_ended_total{instance=~"$instance", state="delivered"${BANK}}[1h])) > 0)`
        }
      }
    ]
  },
  {
    title: 'Waiting',
    panels: [
      {
        title: 'Live requests by state',
        unit: 'short',
        isStacked: true,
        queries: { '{{state}}': `sum by (state) (${LIVE}${BANK}}))` }
      },
      {
        title: 'Oldest request by state',
        unit: 's',
        queries: { '{{state}}': stock('khipu_oldest_seconds', '', 'state') }
      },
      {
        title: 'Parked by reason and bank',
        unit: 'short',
        isStacked: true,
        queries: {
          '{{reason}} {{bank}}': `sum by (reason, bank) (${LIVE}, state="parked"${BANK}})) > 0`
        }
      },
      {
        title: 'Jobs of the own queues',
        description: 'Delayed ones are due later',
        unit: 'short',
        queries: { '{{queue}} {{state}}': stock('khipu_queue_jobs', '', 'queue, state') }
      }
    ]
  },
  {
    title: 'Callbacks',
    panels: [
      {
        title: 'Callbacks by status',
        unit: 'cpm',
        isStacked: true,
        queries: { '{{status}}': `${perMinute('khipu_callbacks_total', 'status')} > 0` }
      },
      {
        title: 'Time to answer a callback',
        unit: 's',
        queries: quantiles('khipu_callback_answer_seconds')
      },
      { title: 'Size of callbacks', unit: 'bytes', queries: quantiles('khipu_callback_bytes') },
      {
        title: 'Quarantine',
        unit: 'short',
        queries: {
          'bodies kept': stock('khipu_quarantine_entries'),
          'new {{kind}}':
            'sum by (kind) (increase(khipu_quarantined_total{instance=~"$instance"}[15m])) > 0'
        }
      }
    ]
  },
  {
    title: 'Result queue',
    panels: [
      {
        title: 'Results on the queue',
        unit: 'short',
        queries: { '{{state}}': stock('khipu_result_queue_jobs', '', 'state') }
      },
      {
        title: 'Oldest unread result',
        unit: 's',
        queries: { oldest: stock('khipu_result_queue_oldest_seconds') }
      }
    ]
  },
  {
    title: 'Processes',
    panels: [
      {
        title: 'Lag of the event loop',
        unit: 's',
        queries: {
          '{{instance}} p99': 'nodejs_eventloop_lag_p99_seconds{instance=~"$instance"}'
        }
      },
      {
        title: 'Memory',
        unit: 'bytes',
        queries: {
          '{{instance}} heap': 'nodejs_heap_size_used_bytes{instance=~"$instance"}',
          '{{instance}} resident': 'process_resident_memory_bytes{instance=~"$instance"}'
        }
      },
      {
        title: 'Redis and quarantine filled',
        unit: 'percentunit',
        queries: {
          Redis: stock('khipu_redis_filled_ratio'),
          quarantine: stock('khipu_quarantine_filled_ratio')
        }
      },
      {
        title: 'Operator calls, p99',
        unit: 's',
        queries: {
          '{{route}}': `histogram_quantile(0.99, sum by (le, route) (rate(khipu_operator_request_seconds_bucket{instance=~"$instance"}[$__rate_interval])))`
        }
      },
      {
        title: 'Sweeps',
        description: 'Their duration',
        unit: 's',
        queries: quantiles('khipu_sweep_seconds')
      },
      {
        title: 'Repairs, refusals and dropped connections',
        description: 'Within 15 minutes',
        unit: 'short',
        queries: {
          'recovered {{what}}':
            'sum by (what) (increase(khipu_sweep_recovered_total{instance=~"$instance"}[15m])) > 0',
          'stray {{what}}':
            'sum by (what) (increase(khipu_index_strays_total{instance=~"$instance"}[15m])) > 0',
          'refused call: {{reason}}':
            'sum by (reason) (increase(khipu_operator_refusals_total{instance=~"$instance"}[15m])) > 0',
          'dropped: {{listener}}':
            'sum by (listener) (increase(khipu_connections_dropped_total{instance=~"$instance"}[15m])) > 0'
        }
      }
    ]
  }
]
