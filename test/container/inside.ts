import { type Check, refuse } from './check.ts'
import { isSecretVariable, nameOf } from './image.ts'

const SERVICES = ['redis', 'server', 'worker', 'simulator'] as const

/** What of its folders each may write to. */
const WRITABLE: Readonly<Record<(typeof SERVICES)[number], readonly string[]>> = {
  redis: ['/data', '/tmp'],
  server: ['/spool', '/tmp'],
  worker: ['/spool', '/tmp'],
  simulator: ['/tmp']
}

/** What a process in a running container is, and may do. */
export const insideChecks: readonly Check[] = [
  {
    name: 'no process is root, has a capability, or can gain one; seccomp filters all',
    async run(site) {
      const seen = []
      for (const service of SERVICES) {
        const text = await site.inside(service, 'cat /proc/[0-9]*/status')
        const processes = text.split(/^(?=Name:)/m).filter((one) => one.startsWith('Name:'))
        refuse(
          processes.flatMap((status) => faultsOf(status).map((fault) => `${service}: ${fault}`))
        )
        const [first = ''] = processes
        seen.push(`${service} uid ${field(first, 'Uid').split('\t')[0]}`)
      }
      return `${seen.join(', ')}; capabilities 0, NoNewPrivs 1, Seccomp 2`
    }
  },
  {
    name: 'nothing can be written to but the tmpfs and the volumes',
    async run(site) {
      // Docker always mounts the message queues of the container's own namespace: no place for files.
      const script =
        'find / -type d ! -path "/proc/*" ! -path "/sys/*" ! -path /dev/mqueue 2>/dev/null | while read -r one; do [ -w "$one" ] && echo "$one"; done; true'
      for (const service of SERVICES) {
        const found = (await site.inside(service, script)).trim().split('\n')
        const roots = found.filter((one) => !found.some((other) => one.startsWith(`${other}/`)))
        const wanted = WRITABLE[service]
        refuse(
          roots
            .filter((one) => !wanted.includes(one))
            .map((one) => `${service} can write to ${one}`)
        )
      }
      return SERVICES.map((service) => `${service} ${WRITABLE[service].join(' ')}`).join(', ')
    }
  },
  {
    name: 'the limits are there in the kernel',
    async run(site) {
      const read =
        'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes'
      const pids = 'cat /sys/fs/cgroup/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids/pids.max'
      const seen = []
      for (const service of SERVICES) {
        const memory = Number((await site.inside(service, read)).trim()) / 2 ** 20
        const most = Number((await site.inside(service, pids)).trim())
        refuse(memory <= 4096 ? [] : [`${service} may have ${memory} MB`])
        refuse(most <= 1000 ? [] : [`${service} may have ${most} processes`])
        seen.push(`${service} ${memory} MB, ${most} pids`)
      }
      return seen.join('; ')
    }
  },
  {
    name: 'no secret in the environment, in inspect, or in a log',
    async run(site) {
      for (const service of SERVICES) {
        const environment = await site.inside(service, 'cat /proc/[0-9]*/environ 2>/dev/null; true')
        const lines = environment.split('\0')
        refuse(lines.filter(isSecretVariable).map((line) => `${service} has ${nameOf(line)}`))
        const texts = {
          'its environment': environment,
          inspect: await site.docker('inspect', await site.containerOf(service)),
          'its log': await site.logOf(service)
        }
        for (const [where, text] of Object.entries(texts)) {
          refuse(
            site.secrets
              .filter((secret) => text.includes(secret))
              .map(() => `${service}: a secret in ${where}`)
          )
        }
      }
      return `${site.secrets.length} secrets looked for in ${SERVICES.length} containers`
    }
  },
  {
    name: 'Redis keeps what it is given',
    async run(site) {
      const { body } = await site.api<{ concerns: string[] }>('GET', '/health/ready')
      refuse(body.concerns)
      return 'no concerns'
    }
  }
]

function faultsOf(status: string): string[] {
  const name = field(status, 'Name')
  const isRoot = field(status, 'Uid').split('\t').includes('0')
  const capabilities = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].filter(
    (set) => !/^0+$/.test(field(status, set))
  )
  return [
    ...(isRoot ? [`${name} is root`] : []),
    ...capabilities.map((set) => `${name} has ${set}`),
    ...(field(status, 'NoNewPrivs') === '1' ? [] : [`${name} may gain privileges`]),
    ...(field(status, 'Seccomp') === '2' ? [] : [`${name} is not filtered by seccomp`])
  ]
}

function field(status: string, name: string): string {
  const line = status.split('\n').find((one) => one.startsWith(`${name}:`)) ?? ''
  return line.slice(name.length + 1).trim()
}
