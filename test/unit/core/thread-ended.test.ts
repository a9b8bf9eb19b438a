import t from 'tap'
import { ThreadEnded } from '../../../src/core/thread-ended.ts'

t.test('what took a thread down is known by its name, and keeps the cause', async (t) => {
  const cause = new Error('out of memory')
  t.match(new ThreadEnded('examine took its thread down', { cause }), {
    name: 'ThreadEnded',
    cause
  })
})
