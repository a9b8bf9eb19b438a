import t from 'tap'
import { measureOperation } from '../../../src/core/measures/measure-operation.ts'
import { operationOfNotification } from '../../../src/core/operations/of-notification.ts'
import { newCanary, newLane, type Operation } from '../../../src/core/operations/operation.ts'

const ALL = { at: 1, service: null, code: null, reason: null, requestIds: null }
const LANE = newLane({ bank: 'bci.cl', part: 0, at: 1, matched: 9 })
const BEFORE: Operation = {
  ...operationOfNotification('op_1', ALL, [{ ...LANE, done: 1 }]),
  canaries: [newCanary('bci.cl'), { ...newCanary('itau.cl'), verdict: 'goes' }]
}

t.test('a turn is measured by what has come since, and each canary once', async (t) => {
  const nothing = { items: { done: 0, refused: 0, skipped: 0 }, canaries: [] }
  t.same(measureOperation(BEFORE, BEFORE), nothing)
  const [first, second] = BEFORE.canaries
  const after: Operation = {
    ...BEFORE,
    lanes: [{ ...LANE, done: 4, refused: 2, isRead: true }],
    canaries: [
      { ...newCanary('bci.cl'), ...first, verdict: 'held' },
      { ...newCanary('itau.cl'), ...second },
      { ...newCanary('btg.cl'), verdict: 'goes' },
      newCanary('other.cl')
    ]
  }
  t.same(measureOperation(BEFORE, after), {
    items: { done: 3, refused: 2, skipped: 3 },
    canaries: ['held', 'goes']
  })
  t.same(measureOperation(after, BEFORE), nothing)
})
