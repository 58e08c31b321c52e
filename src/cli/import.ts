import type { SessionRecord, SessionStore } from '../contracts/store.ts'
import { type Command, misuse } from './command.ts'
import { linesOf } from './input.ts'
import { at, placeOptions } from './place.ts'
import { recordOfLine } from './record-line.ts'

/** How many bad lines are named. */
const named = 20
/** How often a record is written anew when an app writes it at the same time. */
const tries = 10

/** `import`: records into a store. */
export const importRecords: Command = {
  summary: 'puts exported sessions into a store; those who have them stay logged in',
  usage: '[URL] < FILE',
  options: {
    store: placeOptions['store']!,
    replace: { help: 'overwrite sessions that the store already has' },
  },
  examples: [
    'npx hipflask import redis://127.0.0.1 < sessions.ndjson',
    'npx hipflask export file:flask_session | npx hipflask import redis://127.0.0.1',
  ],
  run: (call) =>
    at(
      call,
      async ({ store, words }) => {
        call.atMost(0, words)
        if (store === null) throw misuse('import needs the URL of a store')
        const now = Date.now()
        let [number, imported, replaced, kept, over, refused] = [0, 0, 0, 0, 0, 0]
        await call.out.progress('importing', async (tell) => {
          for await (const line of linesOf()) {
            if (call.signal.aborted) break
            number++
            if (line.trim() === '') continue
            const record = recordOfLine(line)
            if (typeof record === 'string') {
              if (++refused <= named) call.out.note(`line ${number} was refused: ${record}`)
            } else if (record.expiresAt <= now) over++
            else if (await store.create(record)) imported++
            else if (call.flag('replace') && (await replace(store, record))) replaced++
            else kept++
            tell(`line ${number}`)
          }
        })
        if (call.out.json) call.out.data({ imported, replaced, kept, over, refused })
        else {
          const parts = [`imported ${imported}`]
          if (replaced > 0) parts.push(`replaced ${replaced}`)
          if (kept > 0) parts.push(`left ${kept} as the store already had them`)
          if (over > 0) parts.push(`skipped ${over} that are over`)
          if (refused > 0) parts.push(`refused ${refused}`)
          call.out.line(parts.join(', '))
        }
        if (call.signal.aborted) call.out.note('interrupted: run it again, what is there stays')
        return refused > 0 || call.signal.aborted ? 1 : 0
      },
      'all',
    ),
}

async function replace(store: SessionStore, record: SessionRecord): Promise<boolean> {
  for (let n = 0; n < tries; n++) {
    const there = await store.get(record.id)
    if (there === null ? await store.create(record) : (await store.update(record, there.version)) === 'done')
      return true
  }
  return false
}
