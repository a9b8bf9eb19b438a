import type { Settings } from './settings.ts'

/** One setting as a flag of the command line and a variable of the environment. */
export interface Flag {
  readonly flag: string
  readonly variable: string
  /** The default, in the words of the command line. */
  readonly fallback: string
  readonly does: string
  /** What it sets, or undefined where the text is not a value for it. */
  readonly read: (text: string) => Partial<Settings> | undefined
}

/** Every setting of the simulated Khipu that can be given from outside. */
export const flags: readonly Flag[] = [
  flag('host', '127.0.0.1', 'address to listen on', text('host')),
  flag('port', '4000', 'port to listen on; 0 takes a free one', whole('port', 65_535)),
  flag(
    'callback-delay',
    '1s',
    'ASSUMPTION: from the answer to the callback',
    duration('callbackDelayMs')
  ),
  flag('slow-delay', '10s', 'the same for slow scenarios', duration('slowDelayMs')),
  flag(
    'late-delay',
    '35m',
    "the same for late scenarios: more than one, less than two of the receiver's deadlines",
    duration('lateDelayMs')
  ),
  flag('life-span', 'null', 'ASSUMPTION: LifeSpan of the 202, a text or null', (word) => ({
    lifeSpan: word === 'null' ? null : word
  })),
  flag(
    'acknowledgement-data',
    'null',
    'ASSUMPTION: Data of the 202: null, {} or absent',
    acknowledgementData
  ),
  flag(
    'callback-content-type',
    'application/json',
    'ASSUMPTION: content type of callbacks, or none',
    (word) => ({ callbackContentType: word === 'none' ? null : word })
  ),
  flag(
    'callback-repeats',
    '0',
    'ASSUMPTION: how often a callback is sent again that got no 2xx',
    whole('callbackRepeats', 1000)
  ),
  flag(
    'callback-repeat-delay',
    '1s',
    'ASSUMPTION: time between such repeats',
    duration('callbackRepeatDelayMs')
  ),
  flag(
    'callback-timeout',
    '30s',
    'ASSUMPTION: how long a callback waits for its answer',
    duration('callbackTimeoutMs')
  ),
  flag('keep', '10000', 'calls and callbacks remembered: the newest', whole('keep', 10_000_000))
]

function flag(name: string, fallback: string, does: string, read: Flag['read']): Flag {
  const variable = `SIMULATOR_${name.toUpperCase().replaceAll('-', '_')}`
  return { flag: name, variable, fallback, does, read }
}

function text(key: 'host'): Flag['read'] {
  return (word) => (word === '' ? undefined : { [key]: word })
}

function whole(key: 'port' | 'callbackRepeats' | 'keep', most: number): Flag['read'] {
  return (word) =>
    /^\d{1,9}$/.test(word) && Number(word) <= most ? { [key]: Number(word) } : undefined
}

type Delay = Extract<keyof Settings, `${string}Ms`>

const unitMs = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000]
])

// A longer timer would go off at once.
const longestMs = 2 ** 31 - 1

function duration(key: Delay): Flag['read'] {
  return (word) => {
    const [, amount, unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(word) ?? []
    const ms = Number(amount) * (unitMs.get(unit) ?? NaN)
    return ms <= longestMs ? { [key]: ms } : undefined
  }
}

function acknowledgementData(word: string): Partial<Settings> | undefined {
  const known = (['null', '{}', 'absent'] as const).find((value) => value === word)
  return known === undefined ? undefined : { acknowledgementData: known }
}
