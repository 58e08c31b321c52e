import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { deflateSync, inflateSync } from 'node:zlib'
import { objects } from './uses.js'
import { secret, slowable, world } from './world.js'

/*
 * Lower bounds, written by hand and by no library: only the work without which there would be no usable session. No
 * events, no types, no settings, no `Vary`, no key rotation, no other cookie than the one.
 */

const ttl = 86_400
const name = 'session='

function token(request) {
  const header = request.headers.cookie
  if (header === undefined) return null
  const start = header.indexOf(name)
  if (start === -1) return null
  const end = header.indexOf(';', start)
  return header.slice(start + name.length, end === -1 ? undefined : end)
}

function setCookie(response, text, more = '') {
  response.setHeader('Set-Cookie', `${name}${text}; Path=/; HttpOnly; SameSite=Lax${more}`)
}

const after = (value, next) => (value instanceof Promise ? value.then(next) : next(value))
const nobody = () => ({ key: null, version: 0, values: {} })

/** The use of a floor: each change of the session goes through `change(session, fn, response)`. */
function useOf(change, leave) {
  return {
    read: (s) => objects.read(s.values),
    count: (s, _x, y) => change(s, objects.count, y),
    fill: (s, _x, y) => change(s, objects.fill, y),
    mark: (s, _x, y) => change(s, objects.mark, y),
    leave,
  }
}

/*
 * Sessions in a store. `text` is `version:json`. The store answers `get(key)`: text or null; `create(key, text)`;
 * `swap(key, seen, text)`: 1 written, 0 another version, -1 gone; `remove(key)`.
 */
function stored(store) {
  const read = (key, text) => {
    if (text === null) return nobody()
    const colon = text.indexOf(':')
    return { key, version: text.slice(0, colon), values: JSON.parse(text.slice(colon + 1)) }
  }
  const session = (request) => {
    const id = token(request)
    if (id === null) return nobody()
    const key = hash('sha256', id, 'base64url')
    return after(store.get(key), (text) => read(key, text))
  }
  const change = (s, fn, response, tries = 0) => {
    const answer = fn(s.values)
    if (s.key === null) {
      const id = randomFillSync(Buffer.allocUnsafe(32)).toString('base64url')
      setCookie(response, id)
      const created = store.create(hash('sha256', id, 'base64url'), `1:${JSON.stringify(s.values)}`)
      return after(created, () => answer)
    }
    const text = `${Number(s.version) + 1}:${JSON.stringify(s.values)}`
    return after(store.swap(s.key, `${s.version}:`, text), (outcome) => {
      if (outcome !== 0) return answer
      if (tries === 1000) throw new Error('a floor gave up')
      return after(store.get(s.key), (now) =>
        now === null ? answer : change(read(s.key, now), fn, response, tries + 1),
      )
    })
  }
  const leave = (s, _request, response) => {
    setCookie(response, '', '; Max-Age=0')
    return s.key === null ? undefined : store.remove(s.key)
  }
  return { session, use: useOf(change, leave) }
}

function memory() {
  const records = new Map()
  return stored({
    get: (key) => {
      const record = records.get(key)
      return record !== undefined && record.expiresAt > Date.now() ? record.text : null
    },
    create: (key, text) => void records.set(key, { text, expiresAt: Date.now() + ttl * 1000 }),
    swap: (key, seen, text) => {
      const record = records.get(key)
      if (record === undefined) return -1
      if (!record.text.startsWith(seen)) return 0
      record.text = text
      return 1
    },
    remove: (key) => void records.delete(key),
  })
}

const SWAP = `if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ${ttl}) return 1 end
return redis.call('EXISTS', KEYS[1]) - 1`

async function redis() {
  const client = await world.nodeRedis()
  const sha = await client.scriptLoad(SWAP)
  const renew = { type: 'EX', value: ttl }
  const store = {
    get: (key) => client.getEx(`floor:${key}`, renew),
    create: (key, text) => client.set(`floor:${key}`, text, { expiration: renew }),
    swap: (key, seen, text) => client.evalSha(sha, { keys: [`floor:${key}`], arguments: [seen, text] }),
    remove: (key) => client.del(`floor:${key}`),
  }
  return stored(slowable(store, 'create', 'swap'))
}

async function ioredis() {
  const client = await world.ioRedis()
  const sha = await client.script('LOAD', SWAP)
  const store = {
    get: (key) => client.getex(`floor:${key}`, 'EX', ttl),
    create: (key, text) => client.set(`floor:${key}`, text, 'EX', ttl),
    swap: (key, seen, text) => client.evalsha(sha, 1, `floor:${key}`, seen, text),
    remove: (key) => client.del(`floor:${key}`),
  }
  return stored(slowable(store, 'create', 'swap'))
}

/** One statement each, prepared by the server. */
async function postgres() {
  const pool = await world.postgres()
  const table = `floor_${process.pid}`
  await pool.query(`CREATE UNLOGGED TABLE ${table} (id text PRIMARY KEY, version int, data text)`)
  const one =
    (name, text) =>
    (...values) =>
      pool.query({ name, text, values })
  const select = one('get', `SELECT version, data FROM ${table} WHERE id = $1`)
  const insert = one('create', `INSERT INTO ${table} VALUES ($1, $2, $3)`)
  const swap = one(
    'swap',
    `UPDATE ${table} SET version = version + 1, data = $3 WHERE id = $1 AND version = $2`,
  )
  const remove = one('remove', `DELETE FROM ${table} WHERE id = $1`)
  const store = {
    get: async (key) => {
      const row = (await select(key)).rows[0]
      return row === undefined ? null : `${row.version}:${row.data}`
    },
    create: (key, text) => insert(key, 1, text.slice(2)),
    swap: async (key, seen, text) => {
      const { rowCount } = await swap(key, Number.parseInt(seen, 10), text.slice(text.indexOf(':') + 1))
      return rowCount === 1 ? 1 : (await select(key)).rowCount - 1
    },
    remove: (key) => remove(key),
  }
  return stored(slowable(store, 'create', 'swap'))
}

async function sqlite() {
  const database = await world.sqlite()
  database.exec('CREATE TABLE floor (id TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID')
  const select = database.prepare('SELECT text FROM floor WHERE id = ?').pluck()
  const insert = database.prepare('INSERT INTO floor VALUES (?, ?)')
  const update = database.prepare('UPDATE floor SET text = ? WHERE id = ? AND substr(text, 1, ?) = ?')
  const remove = database.prepare('DELETE FROM floor WHERE id = ?')
  return stored({
    get: (key) => select.get(key) ?? null,
    create: (key, text) => void insert.run(key, text),
    swap: (key, seen, text) => {
      if (update.run(text, key, seen.length, seen).changes === 1) return 1
      return select.get(key) === undefined ? -1 : 0
    },
    remove: (key) => void remove.run(key),
  })
}

/** Without compare-and-swap between processes, for which a directory has no cheap step: right in this one process only. */
function file() {
  const directory = world.folder('floor')
  const at = (key) => path.join(directory, key)
  const get = (key) => {
    try {
      return readFileSync(at(key), 'latin1')
    } catch (error) {
      if (error.code === 'ENOENT') return null
      throw error
    }
  }
  const put = (key, text) => {
    writeFileSync(at(`${key}.new`), text)
    renameSync(at(`${key}.new`), at(key))
    return 1
  }
  return stored({
    get,
    create: put,
    swap: (key, seen, text) => {
      const now = get(key)
      if (now === null) return -1
      return now.startsWith(seen) ? put(key, text) : 0
    },
    remove: (key) => rmSync(at(key), { force: true }),
  })
}

/** Sessions in a cookie: `open(token)` answers values or null, `seal(values)` a token. */
function carried({ open, seal }) {
  const session = (request) => {
    const text = token(request)
    return { key: null, version: 0, values: (text === null ? null : open(text)) ?? {} }
  }
  const change = (s, fn, response) => {
    const answer = fn(s.values)
    setCookie(response, seal(s.values))
    return answer
  }
  return { session, use: useOf(change, (_s, _request, response) => setCookie(response, '', '; Max-Age=0')) }
}

/** One AES-256-GCM, and the time it was made. */
function sealed() {
  const key = createSecretKey(hash('sha256', secret, 'buffer'))
  const algorithm = 'aes-256-gcm'
  return carried({
    open: (text) => {
      const bytes = Buffer.from(text, 'base64url')
      const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, 12), { authTagLength: 16 })
      decipher.setAuthTag(bytes.subarray(-16))
      const plain = decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
      const colon = plain.indexOf(':')
      return Number(plain.slice(0, colon)) + ttl * 1000 < Date.now()
        ? null
        : JSON.parse(plain.slice(colon + 1))
    },
    seal: (values) => {
      const nonce = randomFillSync(Buffer.allocUnsafe(12))
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: 16 })
      const body = cipher.update(`${Date.now()}:${JSON.stringify(values)}`, 'utf8')
      cipher.final()
      return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url')
    },
  })
}

/** One HMAC over text that Flask can read; `pack` says whether it is compressed where that makes it shorter, as Flask does. */
function flask(pack) {
  const key = createSecretKey(createHmac('sha1', secret).update('cookie-session').digest())
  const sign = (text) => createHmac('sha1', key).update(text).digest()
  return carried({
    open: (text) => {
      const end = text.lastIndexOf('.')
      const signed = text.slice(0, end)
      const given = Buffer.from(text.slice(end + 1), 'base64url')
      if (given.length !== 20 || !timingSafeEqual(given, sign(signed))) return null
      const middle = signed.lastIndexOf('.')
      const seconds = Buffer.from(signed.slice(middle + 1), 'base64url').readUInt32BE()
      if (seconds + ttl < Date.now() / 1000) return null
      if (signed[0] !== '.') return JSON.parse(Buffer.from(signed.slice(0, middle), 'base64url').toString())
      return JSON.parse(inflateSync(Buffer.from(signed.slice(1, middle), 'base64url')).toString())
    },
    seal: (values) => {
      const json = Buffer.from(JSON.stringify(values))
      const seconds = Buffer.allocUnsafe(4)
      seconds.writeUInt32BE(Math.floor(Date.now() / 1000))
      const packed = pack ? deflateSync(json) : json
      const payload =
        packed.length < json.length - 1 ? `.${packed.toString('base64url')}` : json.toString('base64url')
      const signed = `${payload}.${seconds.toString('base64url')}`
      return `${signed}.${sign(signed).toString('base64url')}`
    },
  })
}

const floors = {
  ...{ memory, redis, ioredis, postgres, sqlite, file, sealed },
  flask: () => flask(true),
  signed: () => flask(false),
}

/** The floor of a kind of store: `session(request)` and its use. */
export async function floorOf(kind) {
  return floors[kind]()
}
