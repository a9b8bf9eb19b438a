import t from 'tap'
import { logLibraryOutput } from '../../../src/app/log-library-output.ts'
import { openLog } from '../../helpers/service.ts'

t.test('what is printed is a line of the log, and the same again is not', async (t) => {
  const { log, lines } = openLog()
  const printing = logLibraryOutput(log)
  printing.warn('the %s is wrong', 'policy')
  printing.error('the policy is wrong')
  printing.log('that is all')
  t.match(
    lines.map((line) => JSON.parse(line) as object),
    [
      { level: 40, msg: 'library output', printed: 'the policy is wrong' },
      { level: 40, msg: 'library output', printed: 'that is all' }
    ]
  )
})
