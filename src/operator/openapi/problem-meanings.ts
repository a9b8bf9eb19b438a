import type { ProblemCode } from '../problem.ts'

/** When each problem is answered, in the words of the reference page. */
export const PROBLEM_MEANINGS: Readonly<Record<ProblemCode, string>> = {
  'invalid-json': 'the body is not JSON, or JSON that readers read differently',
  'invalid-idempotency-key': 'the Idempotency-Key is empty or too long',
  'malformed-request': 'the HTTP request itself is broken',
  'malformed-path': 'the path cannot be decoded',
  'unknown-token': 'the call has no valid bearer token',
  'scope-too-narrow': 'the scope of the token does not allow the call',
  'unknown-route': 'there is no such route',
  'unknown-request': 'there is no such request',
  'unknown-quarantine-entry': 'there is no such quarantine entry',
  'unknown-operation': 'there is no such operation',
  'request-too-slow': 'the request did not arrive in time',
  'state-forbids': 'the state of the request, or of the operation, forbids the call',
  'attempts-used-up': 'the request has used up its attempts',
  'request-gone': 'accept: the request of the entry is no longer known',
  'request-delivered': 'accept: the request was delivered already',
  'request-ended': 'accept: the entry holds no result, and its request has ended',
  'body-known': 'accept: the request has had this body already',
  'attempt-answered': 'accept: the attempt was answered meanwhile',
  'late-result-known': 'accept: the request has a late result already',
  'selection-changed': 'an operation matches another number than `expected`: `detail` has both',
  'operation-ended': 'the operation has nothing left to stop or to continue',
  'body-too-large': 'the body is too large',
  'path-too-long': 'the request line is too long',
  'content-type-not-supported': 'the content type is not `application/json`',
  'invalid-input': 'body or query break their schema: `errors` says where',
  'unknown-cursor': 'the cursor belongs to no page of this list',
  'filter-not-supported': 'these filters can not be combined, or are not for this action',
  'selection-required':
    'a notification has no filter and no `"all": true`, or an operation not exactly one selection',
  'authorization-required':
    'the request has no `authorization`, and the service has none of its own',
  'idempotency-key-reused': 'the Idempotency-Key was used before, for another body',
  'body-not-acceptable': 'accept: the kept body is no envelope',
  'too-many-calls':
    'too many calls without a valid token from this address. `Retry-After` tells when to try again',
  'too-many-headers': 'more than 100 headers or 16 KB',
  unavailable: 'Redis is away, or nearly full. `Retry-After` is 5',
  'too-many-clients': '100 clients listen to events of this process already',
  'http-version-not-supported': 'the request is not HTTP 1.x'
}
