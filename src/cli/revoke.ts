import { type Command, misuse } from './command.ts'
import { at, findId, placeOptions } from './place.ts'

/** `revoke`: the end of sessions. */
export const revoke: Command = {
  summary: 'ends one session, or all of a user, for good',
  usage: '[URL] (ID | --user USER)',
  options: {
    ...placeOptions,
    user: { value: 'USER', help: 'end all sessions of this user' },
    except: { value: 'ID', help: 'with --user: spare this one' },
  },
  examples: ['npx hipflask revoke file:flask_session 3fPq81', 'npx hipflask revoke --user anna'],
  run: (call) =>
    at(call, async (place) => {
      call.atMost(1, place.words)
      const [start] = place.words
      const user = call.text('user')
      if ((start === undefined) === (user === undefined))
        throw misuse('revoke needs either the id of a session or --user USER')
      const spared = call.text('except')
      if (spared !== undefined && user === undefined) throw misuse('--except goes with --user')
      let ended: number
      if (user !== undefined) {
        const except = spared === undefined ? null : await findId(call, place, spared)
        if (spared !== undefined && except === null) {
          call.out.note('the session to spare does not exist, so nothing was ended')
          return 1
        }
        ended = await call.out.progress('ending', () =>
          place.sessions.revokeUser(user, except === null ? {} : { except }),
        )
      } else {
        const id = await findId(call, place, start!)
        ended = id !== null && (await place.sessions.revoke(id)) ? 1 : 0
      }
      if (call.out.json) call.out.data({ revoked: ended })
      else if (ended === 0) call.out.note('there was no such session')
      else call.out.line(`ended ${ended} ${ended === 1 ? 'session' : 'sessions'}`)
      return ended === 0 ? 1 : 0
    }),
}
