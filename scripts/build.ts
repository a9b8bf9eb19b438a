import { rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin, transform } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Each becomes a file of the output. The thread's file lies beside main.js, where body-thread-pool.ts looks for it. */
const ENTRIES = {
  main: 'src/main.ts',
  'body-thread': 'src/app/body-thread.ts',
  'commands/reseal': 'src/commands/reseal.ts',
  'commands/result-keys': 'src/commands/result-keys.ts'
}

/** These load files of their own, by paths that a bundle would break. They stay in node_modules. */
const EXTERNAL = [
  'tinypool',
  'msgpackr-extract',
  '@fastify/swagger-ui',
  '@bull-board/api',
  '@bull-board/fastify'
]

/**
 * Bundles the service and its packages into a few files. A start reads fewer files, and takes a quarter less CPU time.
 * Nothing is minified, so stack traces can be read.
 */
export async function bundle(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  await build({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    external: EXTERNAL,
    // Packages in CommonJS call `require` for Node's own modules.
    banner: { js: REQUIRE },
    plugins: [withoutComments, httpByRequire],
    legalComments: 'none',
    logLevel: 'warning'
  })
}

/**
 * V8 keeps two bytes for each character of a source in which one is not of Latin-1. In packages only comments have such:
 * without them a process takes some 5 MB less.
 */
const withoutComments: Plugin = {
  name: 'without comments',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      if (!/[^\0-\x7f]/.test(text)) return null
      const { code } = await transform(text, { minifyWhitespace: true, legalComments: 'none' })
      return { contents: code, loader: 'js' }
    })
  }
}

/**
 * An import of `node:http` reads all that the module exports. Some of it is lazy, and loads a WebSocket and `fetch`:
 * 13 MB that the service has no use for. `require` leaves them alone.
 */
const httpByRequire: Plugin = {
  name: 'http by require',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:node:)?http$/ }, ({ kind, path }) =>
      kind === 'import-statement' ? { path, namespace: 'required' } : null
    )
    onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('${path}')`,
      loader: 'js'
    }))
  }
}

const REQUIRE =
  "import { createRequire as _createRequire } from 'node:module'\n" +
  'const require = _createRequire(import.meta.url)'

// Not `import.meta.main`, which Node 22 lacks.
if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle(join(root, 'dist'))
