import type { Command } from './command.ts'
import { at, placeOptions } from './place.ts'

/** `gc`: away with what is over. */
export const gc: Command = {
  summary: 'removes sessions that are over',
  usage: '[URL]',
  options: placeOptions,
  examples: ['npx hipflask gc sqlite:sessions.db', '0 4 * * * npx hipflask gc --json >> gc.log'],
  run: (call) =>
    at(call, async ({ sessions, words }) => {
      call.atMost(0, words)
      const removed = await call.out.progress('removing', () => sessions.gc(call.signal))
      if (call.out.json) call.out.data({ removed })
      else call.out.line(`removed ${removed} ${removed === 1 ? 'session' : 'sessions'}`)
      return 0
    }),
}
