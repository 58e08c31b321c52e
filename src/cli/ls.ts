import type { SessionInfo } from '../contracts/store.ts'
import { walk } from '../lib/walk.ts'
import type { Command } from './command.ts'
import { painted } from './output.ts'
import { at, placeOptions } from './place.ts'
import { infoAsData, rowOf, titles } from './row.ts'

/** `ls`: the sessions of a store. */
export const ls: Command = {
  summary: 'the living sessions, or those of one user',
  usage: '[URL]',
  options: {
    ...placeOptions,
    user: { value: 'USER', help: 'only the sessions of this user' },
    limit: { value: 'N', help: 'at most so many (default 50)' },
    expired: { help: 'also those that are over and not yet removed' },
    full: { help: 'ids in full' },
  },
  examples: ['npx hipflask ls file:flask_session', 'npx hipflask ls --config dist/sessions.js --user anna'],
  run: (call) =>
    at(call, async ({ sessions, words }) => {
      call.atMost(0, words)
      const limit = call.number('limit', 50, 1)
      const user = call.text('user')
      const now = Date.now()
      const found: SessionInfo[] = []
      let more = false
      await call.out.progress('reading', async (tell) => {
        const all = user === undefined ? walk(sessions, call.signal) : await sessions.list(user)
        for await (const info of all) {
          if (info.expiresAt <= now && !call.flag('expired')) continue
          if ((more = found.length >= limit)) break
          found.push(info)
          tell(`${found.length} sessions`)
        }
      })
      if (call.out.json) {
        call.out.data({ sessions: found.map((info) => infoAsData(sessions, info)), more })
        return 0
      }
      if (found.length === 0) call.out.note('no sessions')
      else
        call.out.table(
          titles,
          found.map((info) => rowOf(sessions, info, now, call.flag('full'))),
        )
      if (more) call.out.note(painted('dim', `there are more than ${limit}: --limit`))
      return 0
    }),
}
