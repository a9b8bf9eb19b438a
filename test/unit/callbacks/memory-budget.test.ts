import t from 'tap'
import { createMemoryBudget, type FreeMemory } from '../../../src/callbacks/memory-budget.ts'

const NEVER = new AbortController().signal
const turn = () => new Promise((resolve) => setImmediate(resolve))

function open() {
  const room = createMemoryBudget({ bytes: 10, bytesOfRequest: 6 })
  const inside: string[] = []
  const leaves = new Map<string, FreeMemory>()
  const enter = async (name: string, requestId: string, bytes: number, calledOff = NEVER) => {
    void room.enter(requestId, bytes, calledOff).then((leave) => {
      if (leave === null) return
      inside.push(name)
      leaves.set(name, leave)
    })
    await turn()
  }
  const leave = async (name: string) => {
    leaves.get(name)?.()
    await turn()
  }
  return { inside, enter, leave }
}

t.test('bodies get in while there is room, and then in the order in which they came', async (t) => {
  const { inside, enter, leave } = open()
  for (const name of ['a', 'b', 'c', 'd']) await enter(name, name, 5)
  t.same(inside, ['a', 'b'])
  await leave('b')
  t.same(inside, ['a', 'b', 'c'])
  await leave('b')
  t.same(inside, ['a', 'b', 'c'], 'room is given back once')
  await leave('a')
  t.same(inside, ['a', 'b', 'c', 'd'])
})

t.test('a small one does not go before a large one that waits', async (t) => {
  const { inside, enter, leave } = open()
  await enter('a', 'a', 6)
  await enter('large', 'b', 8)
  await enter('small', 'c', 1)
  t.same(inside, ['a'])
  await leave('a')
  t.same(inside, ['a', 'large', 'small'])
})

t.test('what is larger than all the room gets in alone', async (t) => {
  const { inside, enter, leave } = open()
  await enter('a', 'a', 1)
  await enter('huge', 'b', 50)
  await enter('c', 'c', 1)
  t.same(inside, ['a'])
  await leave('a')
  t.same(inside, ['a', 'huge'])
  await leave('huge')
  t.same(inside, ['a', 'huge', 'c'])
})

t.test('a request that has its share waits for its own, and holds up no other', async (t) => {
  const { inside, enter, leave } = open()
  await enter('a1', 'a', 4)
  await enter('a2', 'a', 4)
  await enter('b', 'b', 4)
  t.same(inside, ['a1', 'b'])
  await leave('b')
  t.same(inside, ['a1', 'b'], 'there is room, and not for that one')
  await leave('a1')
  t.same(inside, ['a1', 'b', 'a2'])
})

t.test('one that is called off makes room for those behind it', async (t) => {
  const { inside, enter } = open()
  const gone = new AbortController()
  await enter('a', 'a', 9)
  await enter('large', 'b', 9, gone.signal)
  await enter('small', 'c', 1)
  gone.abort()
  await turn()
  t.same(inside, ['a', 'small'])
  await enter('late', 'd', 1, gone.signal)
  t.same(inside, ['a', 'small'])
})
