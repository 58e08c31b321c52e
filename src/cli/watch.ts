import { setTimeout as pause } from 'node:timers/promises'
import type { SessionInfo } from '../contracts/store.ts'
import { changesBetween } from '../inspector/changes.ts'
import { walk } from '../lib/walk.ts'
import type { Call, Command } from './command.ts'
import { painted, type Piece } from './output.ts'
import { at, peeked, placeOptions, shownId, type Tooled } from './place.ts'
import { brief, infoAsData } from './row.ts'
import { maskOf, revealOption } from './values.ts'

type Values = Readonly<Record<string, unknown>>

/** What was seen of a session at the last look. */
interface Known {
  readonly info: SessionInfo
  readonly values: Values | null
}

/** `watch`: what happens to the sessions of a store. */
export const watch: Command = {
  summary: 'what is new, changed and gone, as it happens',
  usage: '[URL]',
  options: {
    ...placeOptions,
    interval: { value: 'SECONDS', help: 'how often to look (default 1)' },
    for: { value: 'SECONDS', help: 'stop after so long (default: at Ctrl-C)' },
    limit: { value: 'N', help: 'watch at most so many sessions (default 1000)' },
    full: { help: 'ids in full' },
    ...revealOption,
  },
  examples: ['npx hipflask watch redis://127.0.0.1', 'npx hipflask watch file:flask_session --json --for 60'],
  run: (call) =>
    at(call, async ({ sessions, words }) => {
      call.atMost(0, words)
      const interval = call.number('interval', 1, 0.1) * 1000
      const until = Date.now() + call.number('for', Number.MAX_SAFE_INTEGER / 2000, 0) * 1000
      const limit = call.number('limit', 1000, 1)
      let known: ReadonlyMap<string, Known> | null = null
      let toldOfMore = false
      while (!call.signal.aborted) {
        const { infos, more } = await look(sessions, call.signal, limit)
        if (call.signal.aborted) break
        if (more && !toldOfMore) {
          toldOfMore = true
          call.out.note(`there are more than ${limit} sessions; only the first ${limit} are watched: --limit`)
        }
        const before = known
        const now = new Map<string, Known>()
        for (const info of infos) {
          const was = before?.get(info.id)
          if (was !== undefined && same(was.info, info)) {
            now.set(info.id, was)
            continue
          }
          const found = await peeked(sessions, info.id)
          const is = { info, values: found === null || found === 'unreadable' ? null : found.values }
          now.set(info.id, is)
          if (before !== null) tell(call, sessions, was === undefined ? 'new' : 'changed', is, was ?? null)
        }
        // Beyond the limit a session that is not seen need not be gone.
        for (const [id, was] of before ?? [])
          if (!now.has(id) && (!more || (await peeked(sessions, id)) === null))
            tell(call, sessions, 'gone', was, null)
        if (before === null) call.out.note(painted('dim', `watching ${now.size} sessions`))
        known = now
        if (Date.now() + interval > until) break
        await pause(interval, undefined, { signal: call.signal }).catch(() => {}) // an interruption ends the loop above
      }
      return 0
    }),
}

async function look(
  sessions: Tooled,
  signal: AbortSignal,
  limit: number,
): Promise<{ infos: SessionInfo[]; more: boolean }> {
  const infos: SessionInfo[] = []
  const now = Date.now()
  for await (const info of walk(sessions, signal)) {
    if (info.expiresAt <= now) continue
    if (infos.length >= limit) return { infos, more: true }
    infos.push(info)
  }
  return { infos, more: false }
}

function same(a: SessionInfo, b: SessionInfo): boolean {
  return a.seenAt === b.seenAt && a.size === b.size && a.user === b.user && a.expiresAt === b.expiresAt
}

function tell(
  call: Call,
  sessions: Tooled,
  what: 'new' | 'changed' | 'gone',
  { info, values }: Known,
  was: Known | null,
): void {
  const changes = what === 'gone' ? [] : changesBetween(was?.values ?? {}, values ?? {}, maskOf(call)).shown
  const at = new Date().toISOString()
  if (call.out.json) {
    call.out.data({
      at,
      what,
      ...infoAsData(sessions, info),
      changes: changes.map(({ key, was, is }) => ({ key, was, is })),
    })
    return
  }
  const paint = what === 'new' ? 'green' : what === 'gone' ? 'red' : 'yellow'
  const pieces: Piece[] = [
    painted('dim', at.slice(11, 19)),
    ' ',
    painted(paint, what.padEnd(8)),
    painted('bold', brief(shownId(sessions, info.id), call.flag('full'))),
    info.user === null ? '' : ` ${info.user}`,
  ]
  for (const { key, was, is } of changes) {
    if (was === null) pieces.push(' ', painted('green', `+${key}`), `=${is ?? ''}`)
    else if (is === null) pieces.push(' ', painted('red', `-${key}`))
    else pieces.push(' ', painted('yellow', key), `=${was} → ${is}`)
  }
  if (what === 'changed' && changes.length === 0) pieces.push(painted('dim', ' seen'))
  call.out.line(...pieces)
}
