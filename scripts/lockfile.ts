import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A package as package-lock.json tells of it. */
export interface Locked {
  readonly name?: string
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly license?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export interface Lockfile {
  readonly name: string
  readonly lockfileVersion: number
  /** By the folder that each is installed in; the project itself is ''. */
  readonly packages: Readonly<Record<string, Locked>>
}

/** A package that runs in production. */
export interface Shipped {
  /** Its name and version, as in `ajv@8.20.0`. */
  readonly id: string
  readonly name: string
  readonly version: string
  readonly licence: string
}

export function readLockfile(root: string): Lockfile {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile
}

/** All that `npm ci --omit=dev` may install, on any platform; once each, however often it lies there. */
export function shippedPackages(lockfile: Lockfile): Shipped[] {
  const shipped = Object.entries(lockfile.packages)
    .filter(([folder, { dev }]) => folder !== '' && dev !== true)
    .map(([folder, { name = nameOf(folder), version = '', license = 'none' }]) => {
      return { id: `${name}@${version}`, name, version, licence: license }
    })
  const unique = new Map(shipped.map((one) => [`${one.name} ${one.version}`, one]))
  return [...unique].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}

function nameOf(folder: string): string {
  return folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)
}
