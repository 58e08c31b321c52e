import type { Command } from './command.ts'
import { misuse } from './command.ts'
import { at, placeOptions } from './place.ts'

/** `migrate`: the table of a SQL store. */
export const migrate: Command = {
  summary: 'makes the table of a SQL store where it is missing; may run at every deployment',
  usage: '[URL]',
  options: { store: placeOptions['store']! },
  examples: ['npx hipflask migrate postgres://127.0.0.1/app', 'HIPFLASK_STORE=… npx hipflask migrate'],
  run: (call) =>
    at(
      call,
      async ({ store, words }) => {
        call.atMost(0, words)
        const sql = store !== null && 'migrate' in store && typeof store.migrate === 'function'
        if (!sql) throw misuse('this store has no tables; there is nothing to migrate')
        await (store as { migrate(): Promise<void> }).migrate()
        if (call.out.json) call.out.data({ migrated: true })
        else call.out.line('the table is there')
        return 0
      },
      'tables',
    ),
}
