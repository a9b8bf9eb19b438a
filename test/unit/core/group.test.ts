import t from 'tap'
import { concerns, groupOf, isOfGroups, readGroup } from '../../../src/core/groups/group.ts'
import { queued } from '../../helpers/given.ts'

const ANY = { at: 1, service: null, code: null, reason: null, requestIds: null }

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

t.test('a notification concerns whole groups of parked requests', async (t) => {
  const group = readGroup('parked|credentials|E101|cl/a')
  const rows = [
    [ANY, true],
    [{ ...ANY, code: 'E101' }, true],
    [{ ...ANY, code: 'E102' }, false],
    [{ ...ANY, reason: 'credentials' as const }, true],
    [{ ...ANY, reason: 'unauthorized' as const }, false],
    [{ ...ANY, service: 'cl/a', code: 'E101' }, true],
    [{ ...ANY, service: 'cl/b' }, false]
  ] as const
  for (const [notification, expected] of rows) {
    t.equal(concerns(notification, group), expected, JSON.stringify(notification))
  }
  t.equal(concerns(ANY, readGroup('queued|||cl/a')), false)
  const withoutCode = readGroup('parked|unauthorized||cl/a')
  t.equal(concerns(ANY, withoutCode), true)
  t.equal(concerns({ ...ANY, code: 'E101' }, withoutCode), false)
})

t.test('ids, and codes that share a group, are no matter of groups', async (t) => {
  t.ok(isOfGroups(ANY))
  t.ok(isOfGroups({ ...ANY, code: 'E101' }))
  t.notOk(isOfGroups({ ...ANY, code: 'e101' }))
  t.notOk(isOfGroups({ ...ANY, requestIds: ['r1'] }))
})
