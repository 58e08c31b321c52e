import { startPostgres, startRedis } from './databases.js'
import { prepareGo, preparePython } from './external.js'

const makers = {
  redis: ['Redis', 'apt-get install redis-server', () => startRedis()],
  postgres: ['PostgreSQL', 'apt-get install postgresql', () => startPostgres()],
  python: ['Python with Flask', 'apt-get install python3-venv', async () => preparePython()],
  go: ['Go with scs', 'apt-get install golang-go', async () => prepareGo()],
}

/** Makes what the named tools are; `missing` has a line for each that cannot be had, with what to install. */
export async function makeTools(names) {
  const tools = {}
  const missing = []
  for (const name of names) {
    const [what, install, make] = makers[name]
    try {
      const made = await make()
      if (made !== null) tools[name] = made
      else missing.push(`left out: ${what} is not on this machine: ${install}`)
    } catch (error) {
      const reason = (error.stderr?.trim().split('\n').at(-1) || error.message).slice(0, 300)
      missing.push(`left out: ${what} cannot be used here (${install}): ${reason}`)
    }
  }
  return { tools, missing }
}
