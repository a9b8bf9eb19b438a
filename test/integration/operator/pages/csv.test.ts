import t from 'tap'
import { openPages, openServerService } from '../../../helpers/listeners.ts'
import { askIn } from '../../../helpers/requests.ts'
import { visit } from '../../../helpers/visitor.ts'

t.test('a page of a search is a file, without a formula in it', async (t) => {
  const service = await openServerService(t)
  const { address } = await openPages(t, service)
  const parked = await askIn(service, 'parked', { reference: '=HYPERLINK("http://x","y")' })
  await askIn(service, 'queued')
  const visitor = visit(address)
  await visitor.logIn('token-of-reader')
  t.match(
    (await visitor.get('/requests?q=state:parked')).text,
    '/requests.csv?q&#61;state%3Aparked'
  )
  const { status, headers, text } = await visitor.get('/requests.csv?q=state%3Aparked')
  t.equal(status, 200)
  t.equal(headers.get('content-type'), 'text/csv; charset=utf-8')
  t.equal(headers.get('content-disposition'), 'attachment; filename="requests.csv"')
  const [head, line = '', ...more] = text.split('\n')
  const names = 'requestId,state,reason,code,bank,service,account,reference,attempts'
  t.match(head, `${names},requestedBy,requestedAt,stateSince,dueAt`)
  t.ok(line.startsWith(`${parked},parked,retry-after-notification,I001,btgpactual.cl,`), line)
  t.match(line, `,,"'=HYPERLINK(""http://x"",""y"")",1,`)
  t.same(more, [''])
  t.match(await visitor.get('/requests.csv?q=nothing:x'), { status: 303 })
  t.equal((await visitor.get('/requests.csv?cursor=x')).status, 422)
})

t.test('the audit log is a file for an admin', async (t) => {
  const service = await openServerService(t)
  const { address, post } = await openPages(t, service)
  const requestId = await askIn(service, 'parked')
  await post(`/v1/requests/${requestId}/cancel`)
  const admin = visit(address)
  await admin.logIn('token-of-ana')
  const { text } = await admin.get('/audit.csv?action=request-cancelled')
  const [head, line = ''] = text.split('\n')
  t.equal(head, 'at,by,action,target,detail')
  t.match(line, new RegExp(`^[^,]+Z,[^,]+,request-cancelled,${requestId},`))
  const reader = visit(address)
  await reader.logIn('token-of-reader')
  t.equal((await reader.get('/audit.csv')).status, 403)
})
