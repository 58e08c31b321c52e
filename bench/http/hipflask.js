import { createSessions } from 'hipflask'
import { slowable, secret, world } from './world.js'

/** Where hipflask keeps its sessions in this measurement: one line each. */
const kept = {
  memory: async () => (await import('hipflask/stores/memory')).memoryStore(),
  file: async () => (await import('hipflask/stores/file')).fileStore(world.folder('file')),
  sqlite: async () =>
    migrated((await import('hipflask/stores/sqlite')).sqliteStore({ database: await world.sqlite() })),
  redis: async () => (await import('hipflask/stores/redis')).redisStore({ client: await world.nodeRedis() }),
  ioredis: async () => (await import('hipflask/stores/redis')).redisStore({ client: await world.ioRedis() }),
  postgres: async () =>
    migrated(
      (await import('hipflask/stores/postgres')).postgresStore({
        pool: await world.postgres(),
        prepare: true,
      }),
    ),
}
const travelling = {
  sealed: async () => (await import('hipflask/codecs/sealed')).sealedCookie({ secret }),
  flask: async () => (await import('hipflask/flask')).flaskCookie({ secret }),
}

async function migrated(store) {
  await store.migrate()
  return store
}

/** The sessions of a place, with the options of its line in the table. */
export async function sessionsOf({ kind, options = {} }) {
  if (travelling[kind] !== undefined) return createSessions({ codec: await travelling[kind](), ...options })
  const store = await kept[kind]()
  return createSessions({ store: slowable(store, 'create', 'update', 'rotate', 'touch'), ...options })
}
