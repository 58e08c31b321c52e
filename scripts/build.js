// Builds src/ into dist/: declarations file by file, code bundled by door, since Node takes longer to find many small
// files than to run them. What doors share is in shared chunks, so there is one of everything, whatever is imported.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { build } from 'esbuild'

const root = path.dirname(import.meta.dirname)
const dist = path.join(root, 'dist')
const { exports, bin } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
const doors = [...Object.values(exports).map((door) => door.default), bin.hipflask].filter(Boolean)
const tsc = path.join(
  path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
)

// An old file that src/ no longer has must not be published.
rmSync(dist, { recursive: true, force: true })
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--emitDeclarationOnly'], {
  cwd: root,
  stdio: 'inherit',
})
await build({
  entryPoints: doors.map((door) => path.join(root, door.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))),
  outdir: dist,
  outbase: path.join(root, 'src'),
  bundle: true,
  splitting: true,
  chunkNames: 'shared/[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
})
