import { Command, type Redis } from 'ioredis'

/**
 * What happens at the n-th command (from 1) that a process sends from the moment its gate is armed, or at the
 * next one after a mark.
 */
export interface Plan {
  readonly at: number | 'mark'
  /**
   * `dies-before`, `dies-after`: the process ends before the command is sent, or once it was carried out and
   * before its reply is read. `again`: the reply is lost and the command sent again. `before`, `after`: somebody
   * else does something meanwhile.
   */
  readonly how: 'dies-before' | 'dies-after' | 'again' | 'before' | 'after'
  readonly meanwhile: () => Promise<void>
}

/** Stands between a process and Redis: counts its commands, holds them up, and cuts it off. */
export interface Gate {
  /** Says how many commands were sent since it was armed before. */
  arm(plan: Plan | null): number
  /** Marks the command that comes next. */
  mark(): void
  /** From here on nothing that the process does reaches Redis, and no reply reaches it. */
  die(): void
  readonly isDead: boolean
  /** Resolves once the process is dead and Redis is done with what it had sent. */
  readonly died: Promise<void>
}

type Sending = Parameters<Redis['sendCommand']>

const never = () => new Promise<never>(() => {})

/** Puts a gate on a connection. Commands keep their order, and pipelines pass. */
export function gateOf(redis: Redis): Gate {
  const send = redis.sendCommand.bind(redis) as (...sending: Sending) => Promise<unknown>
  const inFlight = new Set<Promise<unknown>>()
  const dead = Promise.withResolvers<void>()
  let isDead = false
  let plan: Plan | null = null
  let seen = 0
  let isMarked = false
  let held: Promise<void> | null = null

  function die(): Promise<never> {
    if (!isDead) void Promise.allSettled(inFlight).then(() => dead.resolve())
    isDead = true
    return never()
  }

  async function pass(...sending: Sending): Promise<unknown> {
    const reply = send(...sending)
    inFlight.add(reply)
    try {
      return await reply
    } finally {
      inFlight.delete(reply)
      // A reply that came too late, or an error: nobody is there to read it.
      if (isDead) await never()
    }
  }

  async function hold({ meanwhile }: Plan): Promise<void> {
    held = meanwhile().finally(() => (held = null))
    await held
  }

  async function interrupt(current: Plan, ...sending: Sending): Promise<unknown> {
    switch (current.how) {
      case 'dies-before':
        return die()
      case 'dies-after': {
        const reply = pass(...sending)
        void die()
        return reply
      }
      case 'again': {
        const [command] = sending
        await send(new Command(command.name, command.args)).catch(() => {})
        return pass(...sending)
      }
      case 'before':
        await hold(current)
        return pass(...sending)
      case 'after': {
        const reply = await pass(...sending)
        await hold(current)
        return reply
      }
    }
  }

  redis.sendCommand = (...sending: Sending): unknown => {
    if (isDead) return never()
    if (held !== null) return held.then(() => redis.sendCommand(...sending))
    if (sending[1] !== undefined) return pass(...sending)
    seen += 1
    const isPlanned = plan?.at === seen || (plan?.at === 'mark' && isMarked)
    isMarked = false
    if (!isPlanned || plan === null) return pass(...sending)
    const current = plan
    plan = null
    return interrupt(current, ...sending)
  }
  return {
    arm(next) {
      const count = seen
      plan = next
      seen = 0
      return count
    },
    mark: () => void (isMarked = true),
    die: () => void die(),
    get isDead() {
      return isDead
    },
    died: dead.promise
  }
}
