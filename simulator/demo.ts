import { parseArgs } from 'node:util'

const usage = `npm run demo [-- flags]: the service at work, between a simulated Khipu and a simulated consumer

  --crash   kill the service with SIGKILL in the middle and start it again
  --fast    wait less
  --keep    leave everything running after the summary and print what to try, until Ctrl-C
  --join U  play with the service whose operator API is at U, as docker-compose.yml does
  --help    this text

Uses the Redis at REDIS_URL if there is one, under a queue prefix of its own that is removed at the
end; else starts a private one. Ends with 0 if every request ended as its scenario says, with 1 if
anything else happened, and with 130 after Ctrl-C.`

const flag = { type: 'boolean', default: false } as const
const options = {
  crash: flag,
  fast: flag,
  keep: flag,
  help: flag,
  join: { type: 'string' }
} as const
// Strict would stop at the first violation.
const { values, tokens } = parseArgs({
  options,
  strict: false,
  allowPositionals: true,
  tokens: true
})
const violations = tokens.flatMap((token) => {
  if (token.kind !== 'option') return ['an argument is no flag']
  const { name, rawName, value } = token
  if (!Object.hasOwn(options, name)) return [`${rawName} is unknown`]
  if (name === 'join') return URL.canParse(value ?? '') ? [] : [`${rawName} needs a URL`]
  const isPossible = values.join === undefined || (name !== 'crash' && name !== 'fast')
  return isPossible ? [] : [`${rawName} needs a service of its own`]
})

if (violations.length > 0) {
  console.error(['the demo can not start:', ...violations].join('\n  '))
  console.error('see npm run demo -- --help')
  process.exitCode = 2
} else if (values.help) console.log(usage)
else {
  const { runDemo } = await import('./demo/run-demo.ts')
  process.exitCode = await runDemo(values as Parameters<typeof runDemo>[0])
}
