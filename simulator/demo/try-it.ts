import { scenarios } from '../scenarios.ts'
import type { Parts } from './parts.ts'

/** Where the parts are; a URL of Redis may hold a password. */
export function welcome(parts: Parts): string {
  const { adminUrl, publicUrl, khipuUrl, redisUrl, isPrivate, fourHours, callbackTimeout } = parts
  return `khipu-receiver at work, between a simulated Khipu and a simulated consumer
  service  ${publicUrl === null ? '' : `${publicUrl} public, `}${adminUrl} operators
  Khipu    ${khipuUrl}, simulated
  Redis    ${new URL(redisUrl).host}, ${isPrivate ? 'private' : 'as REDIS_URL says'}
  delays   4 h are ${fourHours} here; a callback is awaited for ${callbackTimeout}
`
}

/** The lines to try on what is left running. */
export function tryIt(parts: Parts, requestId: string | undefined, folder: string): string {
  const { adminUrl, khipuUrl, queue, prefix, service, token } = parts
  const names = scenarios.map((scenario) => `${scenario.prefix} ${scenario.name}`).join(', ')
  // What a container prints is kept: no token of somebody's service.
  return `
still running, until Ctrl-C:
  page     ${adminUrl}/ for operators: log in with the token ${service === null ? 'of the service' : token}
  API      ${adminUrl}/docs describes it, and calls it with the token
  Khipu    ${khipuUrl}/simulator/calls and /simulator/callbacks: what it got and sent
  results  queue ${queue}, prefix ${prefix}
  log      ${service === null ? "the service's own" : `${folder}/service.log`}

to try, in another terminal:
  API=${adminUrl}; AUTH='Authorization: Bearer ${service === null ? '<token>' : token}'; JSON='Content-Type: application/json'
ask (1106 is the scenario, what follows makes the account number a new one)
  curl -sS $API/v1/requests -H "$AUTH" -H "$JSON" -d '{"RequestData":{"AccountNumber":"1106-'$(date +%s)'"}}'
see what waits for somebody and why, look at one, list those in a state
  curl -sS $API/v1/summary -H "$AUTH"
  ID=${requestId}
  curl -sS $API/v1/requests/$ID/explain -H "$AUTH"
  curl -sS "$API/v1/requests?state=parked" -H "$AUTH"
see what a notification would release, then release it
  curl -sS $API/v1/notifications -H "$AUTH" -H "$JSON" -d '{"code":"I001","dryRun":true}'
  curl -sS $API/v1/notifications -H "$AUTH" -H "$JSON" -d '{"code":"I001"}'
cancel one (409 once it has ended), see what is in quarantine, and the metrics
  curl -sS -X POST $API/v1/requests/$ID/cancel -H "$AUTH"
  curl -sS $API/v1/quarantine -H "$AUTH"
  curl -sS $API/metrics | grep ^khipu_

scenarios, by how the account number begins:
${names.replaceAll(/(.{1,94})(?:, |$)/g, '  $1\n')}
results appear below as the simulated consumer gets them`
}
