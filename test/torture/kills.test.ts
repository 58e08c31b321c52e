import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type BetterSqlite from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'
import type { StoreEvent } from '../../src/contracts/store.ts'
import { decodeFile } from '../../src/stores/file/record.ts'
import { fileStore } from '../../src/stores/file.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { alive, freshRecord, together } from '../../src/testing/store-cases/store-case.ts'
import { lab, values } from '../engine/visitor.ts'
import { Sqlite } from '../real/sqlite.ts'
import { freshDirectory, litterIn } from '../stores/directories.ts'
import { worker } from '../stores/sql-bed.ts'
import { compileWorkers } from '../stores/workers.ts'
import { dice, number, scale, seed, tell } from './reliability-page.ts'

/* `kill -9` of processes that write, four at a time: 64 in an ordinary run, 500 under `npm run torture`. */
const kills = Math.max(64, 4 * Math.floor((50 * scale) / 4))
const lanes = 4
const timeout = 4_000 * kills

/** What was found after the kills. */
interface Findings {
  /** Records, or the database, that are neither the old state nor the new one. */
  torn: number
  /** Records without content. */
  empty: number
  /** Acknowledged writes that are not there. */
  lost: number
}

const rows: Record<string, string>[] = []
afterAll(() =>
  tell('kills', 'Writing processes killed at random moments, four at a time on one store.', rows),
)

function report(store: string, written: number, { torn, empty, lost }: Findings): void {
  rows.push({
    store,
    '`kill -9`': number(kills),
    'acknowledged writes': number(written),
    torn: number(torn),
    empty: number(empty),
    'acknowledged writes lost': number(lost),
  })
  expect({ torn, empty, lost }).toEqual({ torn: 0, empty: 0, lost: 0 })
}

/** Looks at every record's file as it lies on the disk, before any store has touched it; each is counted once. */
function inspect(directory: string, findings: Findings, counted: Set<string>): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name)
    if (entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name)) inspect(file, findings, counted)
    if (!/^[0-9a-f]{64}$/.test(entry.name) || counted.has(file)) continue
    let bytes: Buffer
    try {
      bytes = readFileSync(file)
    } catch {
      continue // removed by another lane just now
    }
    const id = Buffer.from(entry.name, 'hex').toString('base64url')
    if (decodeFile(bytes, id).kind !== 'corrupt') continue
    counted.add(file)
    if (bytes.length === 0) findings.empty += 1
    else findings.torn += 1
  }
}

const contents = (id: string, data: string): { id: string; data: string } => ({ id, data })

test(`file: ${kills} kills, nothing torn, empty or lost, no litter (seed ${seed})`, { timeout }, async () => {
  const workers = await compileWorkers()
  const random = dice(seed)
  const directory = freshDirectory()
  const events: StoreEvent[] = []
  const store = fileStore(directory)
  store.attach?.((event) => void events.push(event))
  const bystander = freshRecord({ data: '0' })
  await store.create(bystander)
  const findings: Findings = { torn: 0, empty: 0, lost: 0 }
  const counted = new Set<string>()
  const litter: string[] = []
  let written = 0

  async function killOne(round: number): Promise<void> {
    const user = `user ${round}`
    const seeds = Array.from({ length: 3 }, (_, n) => freshRecord({ user, data: `seed ${n}` }))
    for (const one of seeds) await store.create(one)
    const options = { fsync: round % 4 === 0 }
    const writer = workers.start('churn', { directory, options, ids: seeds.map(({ id }) => id), user })
    await writer.hears((said) => said === 'ready')
    await pause(random() * 40)
    writer.kill('SIGKILL')
    expect(await writer.ended).toMatchObject({ signal: 'SIGKILL', errors: '' })
    inspect(directory, findings, counted)

    const acknowledged = new Map(seeds.map(({ id, data }, slot) => [String(slot), contents(id, data)]))
    let wish: any = null
    for (const said of writer.told.slice(1)) {
      if ('done' in said) {
        acknowledged.set(said.slot, said.done && contents(said.done, said.data))
        written += 1
      }
      wish = 'done' in said ? null : said
    }
    for (const [slot, last] of acknowledged) {
      const next = wish?.slot === slot ? wish.id && contents(wish.id, wish.data) : last
      const [atLast, atNext] = [last && (await store.get(last.id)), next && (await store.get(next.id))]
      const found = atLast ?? atNext
      const now = JSON.stringify(found && contents(found.id, found.data))
      const both = last?.id !== next?.id && atLast && atNext
      if (both || ![JSON.stringify(last), JSON.stringify(next)].includes(now)) findings.lost += 1
    }
  }

  try {
    for (let round = 0; round < kills; round += lanes) {
      await together(lanes, (lane) => killOne(round + lane))
      const { version, ...record } = await alive(store, bystander.id)
      expect(await store.update({ ...record, data: String(Number(record.data) + 1) }, version)).toBe('done')
      await store.gc(0)
      const { sessions } = await store.page(null, 1_000)
      litter.push(...litterIn(directory, sessions))
      for (const { id } of sessions) if (id !== bystander.id) expect(await store.delete(id)).toBe(true)
    }
  } finally {
    workers.dispose()
  }
  expect((await alive(store, bystander.id)).data).toBe(String(kills / lanes))
  expect(written).toBeGreaterThan(kills)
  report('file', written, findings)
  expect([...events, ...litter]).toEqual([])
})

describe.skipIf(Sqlite === null)('sqlite', () => {
  /** How many lives of each lane share a session: each life leaves keys in it, and writes get slower with its size. */
  const livesOfOne = 16
  let folder: string
  let database: BetterSqlite.Database
  afterAll(() => {
    database.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test(`${kills} kills, nothing torn, empty or lost (seed ${seed})`, { timeout }, async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'hipflask-kills-'))
    const file = path.join(folder, 'sessions.db')
    database = new Sqlite!(file)
    const store = sqliteStore({ database })
    await store.migrate()
    const place = { kind: 'sqlite', table: 'hipflask_sessions', file }
    const findings: Findings = { torn: 0, empty: 0, lost: 0 }
    const isWhole = (one: BetterSqlite.Database): boolean =>
      JSON.stringify(one.pragma('integrity_check')) === '[{"integrity_check":"ok"}]'
    const random = dice(seed)
    let killed = 0
    let written = 0

    for (let first = 0; first < kills / lanes; first += livesOfOne) {
      const browser = lab({ store, maxBytes: 10_000_000, clock: Date.now })
      await browser.request((session) => session.set('sum', 0))
      let increments = 0
      await together(lanes, async (lane) => {
        for (let life = first; life < Math.min(first + livesOfOne, kills / lanes); life++) {
          const name = `w${lane}l${life}`
          const task = { place, cookie: browser.jar!, name, requests: 100_000, inFlight: 8 }
          const { lines, signal, errors } = await worker(task, 1 + Math.floor(random() * 40))
          expect({ signal, errors }).toEqual({ signal: 'SIGKILL', errors: '' })
          killed += 1
          written += lines.length
          increments += lines.filter((line) => line.n % 2 === 1).length
          if (!isWhole(database)) findings.torn += 1
          const now = await values(browser)
          if (Object.keys(now).length === 0) findings.empty += 1
          expect(lines.length).toBeGreaterThan(0)
          findings.lost += Math.max(0, lines.length - (Number(now[name]) || 0))
          for (const line of lines)
            if (line.n % 2 === 0 && now[`${name}-${line.n}`] !== line.n) findings.lost += 1
          expect(now[name] ?? 0).toBeLessThanOrEqual(lines.length + 8)
        }
      })
      findings.lost += Math.max(0, increments - (Number((await values(browser))['sum']) || 0))
    }
    expect(killed).toBe(kills)
    // A process that opens the file afresh must find it whole, too.
    const another = new Sqlite!(file)
    if (!isWhole(another)) findings.torn += 1
    another.close()
    report('sqlite', written, findings)
  })
})
