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

const on = { type: 'boolean', default: false } as const
const options = { crash: on, fast: on, keep: on, help: on, join: { type: 'string' } } as const
try {
  const { help, ...flags } = parseArgs({ options }).values
  const { crash, fast, join } = flags
  if (join !== undefined && !URL.canParse(join)) throw new Error('--join needs a URL')
  const own = crash ? '--crash' : '--fast'
  if (join && (crash || fast)) throw new Error(`${own} needs a service of its own`)
  if (help) console.log(usage)
  else process.exitCode = await import('./demo/run-demo.ts').then(({ runDemo }) => runDemo(flags))
} catch (error) {
  console.error(`the demo can not start: ${(error as Error).message}\nsee npm run demo -- --help`)
  process.exitCode = 2
}
