import type { Text } from './texts.ts'

/** What the verdict on all requests follows from. */
export interface Standing {
  /** The violation of the accounting invariant; 0 unless something is wrong. */
  readonly unaccounted: number
  /** For how long the most overdue request has been due, in seconds. */
  readonly overdueSeconds: number
  readonly parked: number
  /** Results that ended the processes that published them. */
  readonly setAside: number
}

export interface Verdict {
  /** `attention`: requests wait for somebody. `trouble`: requests are unaccounted for, or overdue. */
  readonly level: 'ok' | 'attention' | 'trouble'
  /** How many requests and results wait for a person. */
  readonly needsSomebody: number
  readonly sentences: readonly Text[]
}

/** How long a request may be overdue before the verdict tells of it. The sweep comes first. */
const OVERDUE_SECONDS = 60

/** The first thing to know: whether anything is lost, late, or waits for somebody. */
export function verdictOn({ unaccounted, overdueSeconds, parked, setAside }: Standing): Verdict {
  const needsSomebody = parked + setAside
  const trouble = (text: Text): Verdict => ({ level: 'trouble', needsSomebody, sentences: [text] })
  if (unaccounted !== 0) return trouble(VERDICT.lost(unaccounted))
  if (overdueSeconds > OVERDUE_SECONDS)
    return trouble(VERDICT.overdue(`${Math.round(overdueSeconds)} s`))
  if (needsSomebody === 0) return { level: 'ok', needsSomebody, sentences: [VERDICT.calm] }
  const sentences = [
    ...(parked === 0 ? [] : [VERDICT.parked(parked)]),
    ...(setAside === 0 ? [] : [VERDICT.setAside(setAside)])
  ]
  return { level: 'attention', needsSomebody, sentences }
}

/** The sentences of a verdict. */
export const VERDICT = {
  calm: { en: 'Nothing waits for anybody.', es: 'Nada espera a nadie.' },
  lost: (count: number): Text => ({
    en: `${count} requests are unaccounted for.`,
    es: `Hay ${count} solicitudes sin explicación en la contabilidad.`
  }),
  overdue: (time: string): Text => ({
    en: `A request has been due for ${time}. Are there workers?`,
    es: `Una solicitud está atrasada ${time}. ¿Hay procesos trabajando?`
  }),
  parked: (count: number): Text => ({
    en: count === 1 ? '1 request needs somebody.' : `${count} requests need somebody.`,
    es:
      count === 1 ? '1 solicitud necesita a alguien.' : `${count} solicitudes necesitan a alguien.`
  }),
  setAside: (count: number): Text => ({
    en: count === 1 ? '1 result is set aside.' : `${count} results are set aside.`,
    es: count === 1 ? '1 resultado está apartado.' : `${count} resultados están apartados.`
  }),
  kept: (count: number): Text => ({
    en: count === 1 ? '1 body is in quarantine.' : `${count} bodies are in quarantine.`,
    es: count === 1 ? 'Hay 1 cuerpo en cuarentena.' : `Hay ${count} cuerpos en cuarentena.`
  })
} as const
