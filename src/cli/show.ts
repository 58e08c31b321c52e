import { type Command, misuse } from './command.ts'
import { painted } from './output.ts'
import { at, findId, peeked, placeOptions, shownId } from './place.ts'
import { infoAsData } from './row.ts'
import { distance, iso } from './times.ts'
import { maskOf, printValues, revealOption, valuesAsData } from './values.ts'

/** `show`: one session. */
export const show: Command = {
  summary: 'one session in full',
  usage: '[URL] ID',
  options: { ...placeOptions, ...revealOption },
  examples: ['npx hipflask show file:flask_session 3fPq81', 'npx hipflask show 3fPq81 --json --reveal'],
  run: (call) =>
    at(call, async (place) => {
      call.atMost(1, place.words)
      const [start] = place.words
      if (start === undefined) throw misuse('show needs the id of a session, or its beginning')
      const { sessions } = place
      const id = await findId(call, place, start)
      const found = id === null ? null : await peeked(sessions, id)
      if (found === null) {
        call.out.note('there is no living session with this id')
        return 1
      }
      if (found === 'unreadable') {
        call.out.note(
          "the session's text is not what this serializer writes; with --config the app's own reads it",
        )
        return 1
      }
      const { info, permanent, values } = found
      if (call.out.json) {
        const data = infoAsData(sessions, info)
        call.out.data({ ...data, permanent, values: valuesAsData(values, maskOf(call)) })
        return 0
      }
      const now = Date.now()
      const fact = (name: string, value: string): void =>
        call.out.line(painted('dim', name.padEnd(10)), value)
      const when = (time: number): string => `${iso(time) ?? 'never'} (${distance(time, now)})`
      fact('id', shownId(sessions, info.id))
      fact('user', info.user ?? '-')
      if (info.label !== null) fact('label', info.label)
      fact('began', when(info.createdAt))
      fact('seen', when(info.seenAt))
      fact('expires', when(info.expiresAt))
      fact('ends', when(info.endsAt))
      fact('permanent', permanent ? 'yes' : 'no')
      fact('size', `${info.size} characters`)
      printValues(call.out, values, maskOf(call))
      return 0
    }),
}
