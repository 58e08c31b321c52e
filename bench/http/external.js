import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ask } from './browser.js'
import { pinned, used } from './cpus.js'
import { freePort, locate, startProgram } from './programs.js'

const cache = path.join(import.meta.dirname, '../../node_modules/.cache')
const run = (program, words, options) =>
  execFileSync(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 300_000,
    ...options,
  })

/** A Python with Flask, Flask-Session and gunicorn; the one that the tests made if they did. Throws where none can be made. */
export function preparePython() {
  const ofTests = path.join(cache, 'hipflask-python')
  const home = existsSync(path.join(ofTests, 'complete'))
    ? ofTests
    : path.join(cache, 'hipflask-bench-python')
  const python = path.join(home, 'bin/python')
  if (!existsSync(python)) {
    mkdirSync(cache, { recursive: true })
    run(locate('python3') ?? 'python3', ['-m', 'venv', home])
  }
  const wanted = ['Flask', 'Flask-Session', 'cachelib', 'msgspec', 'redis', 'gunicorn']
  const versions = () => {
    const lines = run(python, ['-m', 'pip', 'list', '--format=json', '--disable-pip-version-check'])
    const all = new Map(JSON.parse(lines).map(({ name, version }) => [name.toLowerCase(), version]))
    return wanted.map((name) => [name, all.get(name.toLowerCase())])
  }
  const missing = versions().flatMap(([name, version]) => (version === undefined ? [name] : []))
  if (missing.length > 0)
    run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...missing])
  const version = run(python, ['-c', 'import platform; print(platform.python_version())']).trim()
  const named = versions().map(([name, version]) => [name === 'redis' ? 'redis-py' : name, version])
  return { python, versions: { Python: version, ...Object.fromEntries(named) } }
}

/** Builds the server in Go with scs; throws where Go is missing or the modules cannot be had. */
export function prepareGo() {
  const go = locate('go', '/usr/local/go/bin/go')
  if (go === null) throw new Error('no go')
  const home = mkdtempSync(path.join(mkdirSync(cache, { recursive: true }) ?? cache, 'hipflask-bench-go-'))
  try {
    for (const name of ['go.mod', 'go.sum', 'main.go'])
      writeFileSync(path.join(home, name), readFileSync(path.join(import.meta.dirname, 'servers/scs', name)))
    const program = path.join(cache, 'hipflask-bench-scs')
    run(go, ['build', '-o', program, '.'], { cwd: home })
    const scs = /scs\/v2 (\S+)/.exec(readFileSync(path.join(home, 'go.mod'), 'utf8'))[1]
    return { program, versions: { Go: run(go, ['env', 'GOVERSION']).trim().slice(2), scs } }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** Starts a place in another language; like `startPlace`, with the kernel's count of CPU time and no count of requests. */
export async function startExternal(place, environment, tools) {
  const port = await freePort()
  const servers = import.meta.dirname
  const words =
    place.framework === 'go'
      ? [tools.go.program, String(port), place.library]
      : [
          ...[tools.python.python, '-m', 'gunicorn', '--bind', `127.0.0.1:${port}`],
          ...[
            '--workers',
            '1',
            '--threads',
            '8',
            '--keep-alive',
            '60',
            '--chdir',
            path.join(servers, 'servers'),
          ],
          ...['--worker-tmp-dir', environment.BENCH_FOLDER, 'flask_app:app'],
        ]
  const running = await startProgram(pinned('server', ...words), {
    ready: () => ask(port, '/plain'),
    env: {
      ...process.env,
      ...environment,
      ...{
        BENCH_LIBRARY: place.library,
        BENCH_KIND: place.kind,
        PYTHONDONTWRITEBYTECODE: '1',
        GOMAXPROCS: '1',
      },
    },
  })
  return {
    ...running,
    port,
    usage: async () => ({ ...used(running.pid), at: performance.now() * 1000 }),
  }
}
