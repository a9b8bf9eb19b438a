import { scenarios } from '../scenarios.ts'
import type { Places } from './stage.ts'

/** What is running, and the lines to try on it. */
export function tryout(places: Places, requestId: string): string {
  const { adminUrl, publicUrl, khipuUrl, redis, queue, queuePrefix, token, logFile } = places
  const where = [
    `operator API     ${adminUrl}   (described at ${adminUrl}/openapi.json, with the token)`,
    ...(publicUrl === null ? [] : [`public listener  ${publicUrl}`]),
    `simulated Khipu    ${khipuUrl}   (what it got and sent: /simulator/calls, /simulator/callbacks)`,
    `Redis            ${redis}, queue ${queue}, prefix ${queuePrefix}`,
    ...(logFile === null ? [] : [`service log      ${logFile}`])
  ]
  return `
still running, until Ctrl-C:
  ${where.join('\n  ')}

to try, in another terminal:
  API=${adminUrl}; AUTH='Authorization: Bearer ${token}'; JSON='Content-Type: application/json'
ask (1106 is the scenario, what follows makes the account number a new one)
  curl -sS $API/v1/requests -H "$AUTH" -H "$JSON" -d '{"RequestData":{"AccountNumber":"1106-'$(date +%s)'"}}'
look at one, list those in a state
  ID=${requestId}
  curl -sS $API/v1/requests/$ID -H "$AUTH"
  curl -sS "$API/v1/requests?state=parked" -H "$AUTH"
see what a notification would release, then release it
  curl -sS $API/v1/notifications -H "$AUTH" -H "$JSON" -d '{"code":"I001","dryRun":true}'
  curl -sS $API/v1/notifications -H "$AUTH" -H "$JSON" -d '{"code":"I001"}'
cancel one (409 once it has ended), see what is in quarantine, and the metrics
  curl -sS -X POST $API/v1/requests/$ID/cancel -H "$AUTH"
  curl -sS $API/v1/quarantine -H "$AUTH"
  curl -sS $API/metrics | grep ^khipu_

scenarios, by how the account number begins:
${scenarioNames()}

results appear below as the simulated consumer gets them
`
}

/** Prefixes and names, as many to a line as fit. */
function scenarioNames(): string {
  const lines = ['']
  for (const { prefix, name } of scenarios) {
    const line = `${lines.at(-1)}  ${prefix} ${name}`
    if (line.length <= 98) lines[lines.length - 1] = line
    else lines.push(`  ${prefix} ${name}`)
  }
  return lines.join('\n')
}
