#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { type Command, callOf, everywhere, type ExitCode, misuse } from './command.ts'
import { decode } from './decode.ts'
import { doctor } from './doctor.ts'
import { encode } from './encode.ts'
import { exportRecords } from './export.ts'
import { gc } from './gc.ts'
import { importRecords } from './import.ts'
import { ls } from './ls.ts'
import { migrate } from './migrate.ts'
import { Output, painted } from './output.ts'
import { revoke } from './revoke.ts'
import { secret } from './secret.ts'
import { show } from './show.ts'
import { stats } from './stats.ts'
import { told } from './told.ts'
import { watch } from './watch.ts'

const commands: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    secret,
    decode,
    encode,
    ls,
    show,
    watch,
    revoke,
    gc,
    stats,
    doctor,
    migrate,
    export: exportRecords,
    import: importRecords,
  }),
)

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())
process.once('SIGTERM', () => interrupted.abort())
// Whoever reads our output may have had enough, as `head` has.
process.stdout.on('error', () => process.exit(0))

const [name, ...args] = process.argv.slice(2)
const code = await answer(name, args)
// What --config loaded may hold the process: servers, pools.
process.stdout.write('', () => process.exit(code))

async function answer(name: string | undefined, args: readonly string[]): Promise<ExitCode> {
  const out = new Output(false)
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      const about = args[0] === undefined ? undefined : commands.get(args[0])
      if (about !== undefined) help(out, args[0]!, about)
      else overview(out)
      return name === undefined ? 2 : 0
    }
    if (name === '--version') {
      out.line(version())
      return 0
    }
    const command = commands.get(name)
    if (command === undefined)
      throw misuse(`there is no command of this name; npx hipflask --help lists them`)
    const call = callOf(command, args, interrupted.signal)
    if (!call.flag('help')) return await command.run(call)
    help(out, name, command)
    return 0
  } catch (error) {
    out.note(painted('red', ['hipflask', ...(name === undefined ? [] : [name])].join(' ')), ': ', told(error))
    return 2
  }
}

function overview(out: Output): void {
  out.line(painted('bold', 'npx hipflask COMMAND'), '  looks after sessions')
  out.line()
  for (const [name, { summary }] of commands) out.line('  ', painted('bold', name.padEnd(8)), '  ', summary)
  out.line()
  out.line(
    'npx hipflask COMMAND --help says more. Where the sessions are: --store URL, --config FILE or HIPFLASK_STORE.',
  )
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}

function help(out: Output, name: string, { summary, usage, options, examples }: Command): void {
  out.line(painted('bold', ['npx hipflask', name, usage].join(' ').trim()), '  ', summary)
  out.line()
  for (const [option, { value, help }] of Object.entries({ ...options, ...everywhere }))
    out.line(
      '  ',
      painted('bold', `--${option}${value === undefined ? '' : ` ${value}`}`.padEnd(20)),
      '  ',
      help,
    )
  out.line()
  for (const example of examples) out.line('  ', painted('dim', example))
}
