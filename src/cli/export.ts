import { walk } from '../lib/walk.ts'
import { type Command, misuse } from './command.ts'
import { at, placeOptions, recordOf } from './place.ts'

/** `export`: the records of a store, a line of JSON each. */
export const exportRecords: Command = {
  summary: 'all living sessions, whole, a line of JSON for each',
  usage: '[URL]',
  options: placeOptions,
  examples: [
    'npx hipflask export file:flask_session > sessions.ndjson',
    'npx hipflask export file:flask_session | npx hipflask import redis://127.0.0.1',
  ],
  run: (call) =>
    at(call, async (place) => {
      call.atMost(0, place.words)
      const { sessions } = place
      if (sessions.describe().bearerIds)
        throw misuse(
          'the ids of this layout are what cookies carry, so its records cannot live in another store, and are not written out',
        )
      const now = Date.now()
      let [count, unreadable] = [0, 0]
      await call.out.progress('exporting', async (tell) => {
        for await (const { id, expiresAt } of walk(sessions, call.signal)) {
          if (expiresAt <= now) continue
          const record = await recordOf(place, id).catch((error: unknown) => {
            if ((error as Error).name === 'SessionError' || place.store !== null) throw error
            unreadable++
            return null
          })
          if (record === null) continue
          call.out.data(record)
          await call.out.taken()
          tell(`${++count} sessions`)
        }
      })
      call.out.note(`exported ${count} ${count === 1 ? 'session' : 'sessions'}`)
      if (unreadable > 0) call.out.note(`${unreadable} could not be read and are left out`)
      if (call.signal.aborted) call.out.note('interrupted: this is a part only')
      return unreadable > 0 || call.signal.aborted ? 1 : 0
    }),
}
