const CAPABILITIES = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']

/** Parts the `/proc/<pid>/status` of several processes. */
export function partStatuses(text: string): readonly string[] {
  return text.split(/^(?=Name:)/m).filter((one) => one.startsWith('Name:'))
}

/** What a process is or may do that it should not. */
export function faultsOf(status: string): string[] {
  const name = field(status, 'Name')
  const isRoot = field(status, 'Uid').split('\t').includes('0')
  const capabilities = CAPABILITIES.filter((set) => !/^0+$/.test(field(status, set)))
  return [
    ...(isRoot ? [`${name} is root`] : []),
    ...capabilities.map((set) => `${name} has ${set}`),
    ...(field(status, 'NoNewPrivs') === '1' ? [] : [`${name} may gain privileges`]),
    ...(field(status, 'Seccomp') === '2' ? [] : [`${name} is not filtered by seccomp`])
  ]
}

/** The same in words, of all of them together. */
export function inWords(statuses: readonly string[]): string {
  const all = (...names: readonly string[]) => {
    const values = statuses.flatMap((status) =>
      names.flatMap((name) => field(status, name).split('\t'))
    )
    return [...new Set(values)].join(' ')
  }
  return `${statuses.length} processes, uid ${all('Uid')}, capabilities ${all(...CAPABILITIES)}, NoNewPrivs ${all('NoNewPrivs')}, Seccomp ${all('Seccomp')}`
}

function field(status: string, name: string): string {
  const line = status.split('\n').find((one) => one.startsWith(`${name}:`)) ?? ''
  return line.slice(name.length + 1).trim()
}
