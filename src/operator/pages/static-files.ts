import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'

const FOLDER = new URL('src/operator/pages/assets/', import.meta.resolve('#package.json'))

const FILES = {
  css: { name: 'app.css', type: 'text/css; charset=utf-8' },
  js: { name: 'app.js', type: 'text/javascript; charset=utf-8' },
  icon: { name: 'icon.svg', type: 'image/svg+xml' }
} as const

interface StaticFile {
  readonly path: string
  readonly type: string
  readonly bytes: Buffer
}

function read({ name, type }: { readonly name: string; readonly type: string }): StaticFile {
  const bytes = readFileSync(new URL(name, FOLDER))
  const version = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { path: `/assets/${version}/${name}`, type, bytes }
}

const READ = { css: read(FILES.css), js: read(FILES.js), icon: read(FILES.icon) }

/** The paths of the sheet, of the script and of the icon. Another content has another path. */
export const ASSET = { css: READ.css.path, js: READ.js.path, icon: READ.icon.path } as const

/** Serves these files. They hold no data, so browsers may keep them. */
export async function staticFiles(app: FastifyInstance): Promise<void> {
  for (const { path, type, bytes } of Object.values(READ)) {
    app.get(path, { config: { isOpen: true } }, (_request, reply) =>
      reply.type(type).header('cache-control', 'public, max-age=31536000, immutable').send(bytes)
    )
  }
}
