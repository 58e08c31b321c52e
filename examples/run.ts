import { once } from 'node:events'
import type { Server } from 'node:http'
import type { VisitSource } from 'hipflask'
import type { AppName } from './apps.ts'

/** Starts a server. */
export type Listen = (port: number, host: string) => Server | Promise<Server>

/** What each example exports. */
export interface Example {
  readonly sessions: VisitSource<unknown>
  readonly listen: Listen
}

/** Loads an example: it finds its templates and its store, but does not listen yet. */
export const load: Record<AppName, () => Promise<Example>> = {
  username: () => import('./username/app.ts'),
  form: () => import('./form/app.ts'),
  lists: () => import('./lists/app.ts'),
  profile: () => import('./profile/app.ts'),
  login: () => import('./login/app.ts'),
}

/** Starts a server at the port in `variable`, or else at `usual`; ends the process with one line when it cannot have it. */
export async function listening(
  listen: Listen,
  host: string,
  variable: string,
  usual: number,
): Promise<{ server: Server; url: string }> {
  const wanted = portFrom(variable, usual)
  try {
    const server = await listen(wanted, host)
    if (!server.listening) await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : wanted
    return { server, url: `http://localhost:${port}/` }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    const advice = `Choose another one with ${variable}, such as ${variable}=${(wanted + 10_000) % 65_536}.`
    if (code === 'EADDRINUSE') giveUp(`Port ${wanted} is taken. ${advice}`)
    if (code === 'EACCES') giveUp(`Port ${wanted} is not for this user. ${advice}`)
    throw error
  }
}

function portFrom(variable: string, usual: number): number {
  const text = process.env[variable] ?? ''
  const port = text === '' ? usual : Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  return giveUp(`${variable} is no port: write a number from 0 (any free one) to 65535.`)
}

/** Ends the process, and every server in it, when Ctrl-C or the system asks for it. */
export function endWhenAsked(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(0))
}

/** Ends the process with one line that says why. */
export function giveUp(line: string): never {
  console.error(line)
  process.exit(1)
}
