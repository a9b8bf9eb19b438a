import t from 'tap'
import { groupOf, readGroup } from '../../../src/core/groups/group.ts'
import { queued } from '../../helpers/given.ts'

const GROUPS = [
  [{}, 'queued|||'],
  [{ state: 'parked', reason: 'credentials', code: 'E101' }, 'parked|credentials|E101|'],
  [{ state: 'parked', reason: 'unknown-type', code: 'e101 ' }, 'parked|unknown-type|other|'],
  [{ state: 'parked', reason: 'unauthorized' }, 'parked|unauthorized||'],
  [{ state: 'failed', reason: 'do-not-retry', code: 'E301' }, 'failed|do-not-retry|E301|'],
  [{ state: 'retry-scheduled', reason: 'temporary' }, 'retry-scheduled|temporary||'],
  [{ state: 'delivered', code: 'E101' }, 'delivered|||'],
  [{ state: 'awaiting-callback', code: 'E101' }, 'awaiting-callback|||']
] as const

for (const [fields, name] of GROUPS) {
  t.test(`${JSON.stringify(fields)} is in ${name}`, async (t) => {
    const request = { ...queued(), ...fields, service: 'cl/a|b' }
    t.equal(groupOf(request), `${name}cl/a|b`)
    t.match(readGroup(groupOf(request)), { state: request.state, service: 'cl/a|b' })
  })
}

t.test('a name that is none reads as empty', async (t) => {
  t.same(readGroup(''), { state: '', reason: '', code: '', service: '' })
})
