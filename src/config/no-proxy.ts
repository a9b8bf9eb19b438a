import { BlockList, isIP } from 'node:net'

/**
 * True where NO_PROXY exempts an address from the proxy. Commas or spaces separate its entries. `*` matches every host.
 * `khipu.com`, `.khipu.com` and `*.khipu.com` match that domain and its subdomains. An IP address, or a network such as
 * `10.0.0.0/8`, matches IP addresses. An entry with a port matches that port only.
 */
export function isExempt({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const host = plainHost(hostname)
  const ownPort = port === '' ? (protocol === 'https:' ? '443' : '80') : port
  const entries = noProxy.split(/[\s,]+/).filter((entry) => entry !== '')
  return entries.map(readEntry).some(({ name, port: only }) => {
    if (only !== null && only !== ownPort) return false
    return isIP(host) === 0 ? isWithinDomain(host, name) : isWithinNetwork(host, name)
  })
}

interface Entry {
  readonly name: string
  /** Null for every port. */
  readonly port: string | null
}

// An IPv6 address contains colons, so it needs brackets before a port.
function readEntry(entry: string): Entry {
  const [, name = entry, port = null] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(entry) ?? []
  return { name: name === '*' ? name : plainHost(name).replace(/^\*$/, ''), port }
}

function plainHost(host: string): string {
  return host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase()
}

function isWithinDomain(host: string, name: string): boolean {
  const domain = name.replace(/^\*?\./, '')
  return name === '*' || host === domain || (domain !== '' && host.endsWith(`.${domain}`))
}

function isWithinNetwork(host: string, name: string): boolean {
  if (name === '*') return true
  const [address = '', prefix] = name.split('/')
  const family = familyOf(address)
  const bits = family === 'ipv4' ? 32 : 128
  if (family === null || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return false
  if (Number(prefix ?? bits) > bits) return false
  const network = new BlockList()
  network.addSubnet(address, Number(prefix ?? bits), family)
  return network.check(host, familyOf(host) ?? 'ipv4')
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address)
  return version === 0 ? null : version === 4 ? 'ipv4' : 'ipv6'
}
