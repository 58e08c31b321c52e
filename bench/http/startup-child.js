/* One measurement in a fresh process, printed as a number: `import MODULE …` in milliseconds, `heap LIBRARY` in bytes. */
import { values } from './values.js'

const [what, ...names] = process.argv.slice(2)
const count = 20_000

/** Each answers a function that stores one more session of 300 bytes of JSON. */
const fillers = {
  hipflask: async () => {
    const { createSessions } = await import('hipflask')
    const { memoryStore } = await import('hipflask/stores/memory')
    const sessions = createSessions({ store: memoryStore({ max: count * 2 }) })
    return async () => {
      const visit = await sessions.open(undefined, { secure: false })
      Object.assign(visit.session, values)
      await visit.close()
    }
  },
  'express-session': async () => {
    const { default: session } = await import('express-session')
    const store = new session.MemoryStore()
    let n = 0
    return () =>
      new Promise((resolve) => {
        const id = `${String(n++).padStart(8, '0')}${'x'.repeat(24)}`
        store.set(
          id,
          { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, ...values },
          resolve,
        )
      })
  },
}

async function heapOf(fill) {
  for (let i = 0; i < 2000; i++) await fill()
  const before = settled()
  for (let i = 0; i < count; i++) await fill()
  return (settled() - before) / count
}

function settled() {
  for (let i = 0; i < 3; i++) globalThis.gc()
  return process.memoryUsage().heapUsed
}

if (what === 'import') {
  const start = performance.now()
  for (const name of names) await import(name)
  console.log(performance.now() - start)
} else console.log(await heapOf(await fillers[names[0]]()))
