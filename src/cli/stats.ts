import { walk } from '../lib/walk.ts'
import type { Command } from './command.ts'
import { painted } from './output.ts'
import { at, placeOptions } from './place.ts'
import { distance, iso } from './times.ts'

/** How many users are told apart; beyond that their number is a lower bound. */
const mostUsers = 1_000_000

/** `stats`: a store in numbers. */
export const stats: Command = {
  summary: 'how many sessions and users there are, how large and how old',
  usage: '[URL]',
  options: placeOptions,
  examples: ['npx hipflask stats postgres://127.0.0.1/app', 'npx hipflask stats file:flask_session --json'],
  run: (call) =>
    at(call, async ({ sessions, words }) => {
      call.atMost(0, words)
      const now = Date.now()
      const users = new Set<string>()
      let [living, over, anonymous, size, largest, hour, day] = [0, 0, 0, 0, 0, 0, 0]
      let [oldest, newest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
      await call.out.progress('counting', async (tell) => {
        for await (const info of walk(sessions, call.signal)) {
          if (info.expiresAt <= now) {
            over++
            continue
          }
          living++
          if (info.user === null) anonymous++
          else if (users.size < mostUsers) users.add(info.user)
          size += info.size
          largest = Math.max(largest, info.size)
          if (info.seenAt > now - 3_600_000) hour++
          if (info.seenAt > now - 86_400_000) day++
          oldest = Math.min(oldest, info.createdAt)
          newest = Math.max(newest, info.createdAt)
          tell(`${living} sessions`)
        }
      })
      const whole = !call.signal.aborted
      if (call.out.json) {
        call.out.data({
          whole,
          living,
          over,
          anonymous,
          users: users.size,
          seenLastHour: hour,
          seenLastDay: day,
          size,
          largest,
          oldest: iso(oldest),
          newest: iso(newest),
        })
        return 0
      }
      const fact = (name: string, value: string | number): void =>
        call.out.line(painted('dim', name.padEnd(16)), String(value))
      if (!whole) call.out.note('interrupted: these numbers are of a part only')
      fact('living', living)
      fact('over', over)
      fact('users', users.size < mostUsers ? users.size : `at least ${mostUsers}`)
      fact('anonymous', anonymous)
      fact('seen last hour', hour)
      fact('seen last day', day)
      fact('characters', size)
      if (living === 0) return 0
      fact('mean', Math.round(size / living))
      fact('largest', largest)
      fact('oldest', distance(oldest, now))
      fact('newest', distance(newest, now))
      return 0
    }),
}
