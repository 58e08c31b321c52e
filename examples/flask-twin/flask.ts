import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { giveUp } from '../run.ts'

const python = process.env.PYTHON ?? 'python3'
const program = path.resolve(import.meta.dirname, '../../flask-twin/app.py')

/** Starts app.py on a free port of this machine and answers the port; ends the process with one line when that cannot be. */
export async function startFlask(SECRET_KEY: string): Promise<number> {
  const { error, status } = spawnSync(python, ['-c', 'import flask'])
  if (error !== undefined)
    giveUp(`There is no ${python}: install Python 3 (apt-get install python3-venv), or name yours in PYTHON.`)
  if (status !== 0)
    giveUp(
      `${python} has no Flask: python3 -m venv .venv && .venv/bin/pip install flask, then say PYTHON=.venv/bin/python.`,
    )
  // It ends when its input does, so whatever becomes of this process, it does not stay behind.
  const child = spawn(python, [program], {
    env: { ...process.env, SECRET_KEY, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  child.once('exit', () => giveUp('The Flask app has ended.'))
  return portOf(child)
}

async function portOf(child: ChildProcess): Promise<number> {
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return Number(line.toString())
}
