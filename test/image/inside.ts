import { type Check, refuse } from './check.ts'
import { writableFolders } from './compose-file.ts'
import { isSecretVariable, nameOf } from './image.ts'
import { faultsOf, inWords, partStatuses } from './processes.ts'

const SERVICES = ['redis', 'server', 'worker', 'simulator'] as const

/**
 * Prints every folder in which a file can be made. It is tried: `[ -w` of BusyBox goes by the mode, also where the
 * root is read-only. Docker always mounts the message queues of the container's own namespace: no place for files.
 */
const TRY_FOLDERS = `
find / -type d ! -path "/proc/*" ! -path "/sys/*" ! -path /dev/mqueue 2>/dev/null |
while read -r one; do true >"$one/.tried" && echo "$one" && rm "$one/.tried"; done 2>/dev/null
true`

const MARK = 'privileged '
/** Prints every file of the root, marked where it is setuid or setgid. What its user can't reach it can't run. */
const LIST_FILES = `
find / -xdev -type f \\( -perm /6000 -exec echo ${MARK}{} \\; -o -print \\) 2>/dev/null
true`
/** Services whose image is somebody else's: what is found in them is told. */
const FOREIGN: ReadonlySet<string> = new Set(['redis'])

/** What a process in a running container is, and may do. */
export const insideChecks: readonly Check[] = [
  {
    name: 'no process is root, has a capability, or can gain one; seccomp filters all',
    async run(site) {
      const seen = []
      for (const service of SERVICES) {
        const statuses = partStatuses(await site.inside(service, 'cat /proc/[0-9]*/status'))
        refuse(statuses.flatMap(faultsOf).map((fault) => `${service}: ${fault}`))
        seen.push(`${service} ${inWords(statuses)}`)
      }
      return seen.join('; ')
    }
  },
  {
    name: 'nothing can be written to but the tmpfs and the volumes',
    async run(site) {
      const folders = await writableFolders(site)
      const seen = []
      for (const service of SERVICES) {
        const found = linesOf(await site.inside(service, TRY_FOLDERS))
        const roots = found.filter((one) => !found.some((other) => one.startsWith(`${other}/`)))
        const wanted = folders.get(service) ?? []
        const extra = roots.filter((one) => !wanted.includes(one))
        const missing = wanted.filter((one) => !roots.includes(one))
        refuse(extra.map((one) => `${service} can write to ${one}`))
        refuse(missing.map((one) => `${service} can't write to ${one}`))
        seen.push(`${service} ${roots.toSorted().join(' ')}`)
      }
      return seen.join(', ')
    }
  },
  {
    name: 'no file in a running container gives privileges to whoever runs it, where the image is ours',
    async run(site) {
      const seen = []
      for (const service of SERVICES) {
        const files = linesOf(await site.inside(service, LIST_FILES))
        refuse(files.length > 0 ? [] : [`${service} shows no files`])
        const marked = files.filter((one) => one.startsWith(MARK))
        const found = marked.map((one) => one.slice(MARK.length))
        const isForeign = FOREIGN.has(service)
        refuse(isForeign ? [] : found.map((one) => `${service} has ${one}`))
        const name = isForeign ? `${service} (the image is not ours)` : service
        seen.push([`${name} ${found.length} of ${files.length} files`, ...found].join(' '))
      }
      return seen.join('; ')
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
      // The demo's policy waits seconds in the place of hours, and readiness says so.
      refuse(body.concerns.filter((concern) => !concern.startsWith('wait-4-hours: ')))
      return "no concerns but that of the demo's policy"
    }
  }
]

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}
