import t from 'tap'
import { VERDICT, verdictOn } from '../../../src/core/explain/verdict.ts'

const CALM = { unaccounted: 0, overdueSeconds: 0, parked: 0, setAside: 0 }
const ROWS: readonly [
  standing: Partial<typeof CALM>,
  level: string,
  needs: number,
  text: string
][] = [
  [{}, 'ok', 0, 'Nothing waits for anybody.'],
  [{ overdueSeconds: 60 }, 'ok', 0, 'Nothing waits for anybody.'],
  [{ parked: 1 }, 'attention', 1, '1 request needs somebody.'],
  [{ parked: 2, setAside: 1 }, 'attention', 3, '2 requests need somebody. 1 result is set aside.'],
  [{ setAside: 2 }, 'attention', 2, '2 results are set aside.'],
  [
    { overdueSeconds: 61.4, parked: 1 },
    'trouble',
    1,
    'A request has been due for 61 s. Are there workers?'
  ],
  [{ unaccounted: 3, overdueSeconds: 99 }, 'trouble', 0, '3 requests are unaccounted for.']
]

t.test('the verdict says what is lost, late, or waits for somebody, the worst first', async (t) => {
  for (const [standing, level, needsSomebody, text] of ROWS) {
    const { sentences, ...verdict } = verdictOn({ ...CALM, ...standing })
    t.same(verdict, { level, needsSomebody }, text)
    t.equal(sentences.map(({ en }) => en).join(' '), text)
    t.ok(sentences.every(({ es, en }) => es !== '' && es !== en))
  }
})

t.test('what the pages add is in both languages as well', async (t) => {
  t.match(VERDICT.kept(1), { en: '1 body is in quarantine.', es: /^Hay 1 cuerpo / })
  t.match(VERDICT.kept(2), { en: '2 bodies are in quarantine.', es: /^Hay 2 cuerpos / })
})
