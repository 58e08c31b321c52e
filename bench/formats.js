/*
 * What Flask's formats cost beside the least that could be done: a cookie beside two bare HMACs (Flask derives its key anew
 * for each cookie) and JSON, a record beside JSON. Rounds of all cases are interleaved, medians of CPU time count.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { deflateSync, inflateSync } from 'node:zlib'
import { cachelibPickle, flaskCookie, flaskMsgpack, taggedJson } from 'hipflask/flask'
import { TimestampSigner } from 'hipflask/itsdangerous'
import { machine, median } from './machine.js'

const rounds = 15
const per = 5_000
const secret = 'pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA'
const values = {
  cart: [101, 205, 'c-17'],
  csrf_token: '8f14e45fceea167a5a36dedd4bea2543d3c1f0a9',
  fresh: true,
  last: 'https://shop.example/products/42?ref=mail',
  locale: 'en-GB',
  theme: 'dark',
  token: 'kQ7vR2mXw9Zt4Lb8Hn3F',
  user_id: 42,
  username: 'ann',
  visits: 12,
}
const json = JSON.stringify(values)
const context = { cookieName: 'session', now: Date.now(), lifetime: 31 * 86_400_000 }
let sink = 0

const codec = flaskCookie({ secret })
const another = flaskCookie({ secret })
const kept = (format, from) => new Map(Object.keys(from).map((key) => [key, format.keep(from[key], key)]))
const text = taggedJson.encode(kept(taggedJson, values))
const cookie = codec.seal({ data: text }, context)
const signer = new TimestampSigner(secret, { salt: 'cookie-session', keyDerivation: 'hmac' })
const base64 = (data) => Buffer.from(data).toString('base64url')
const undeflated = signer.sign(base64(text))

function hmac(key, data) {
  return createHmac('sha1', key).update(data).digest()
}
function bareSign(data) {
  return `${data}.${hmac(hmac(secret, 'cookie-session'), data).toString('base64url')}`
}
function bareVerify(token) {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  const data = token.slice(0, end)
  if (!timingSafeEqual(hmac(hmac(secret, 'cookie-session'), data), signature)) throw new Error('not signed')
  return data
}
const bare = bareSign(json)
const deflated = bareSign(deflateSync(json).toString('base64url'))

function open(token) {
  const opened = codec.open(token, context)
  for (const one of codec.serializer.decode(opened.contents.data).values())
    sink += codec.serializer.live(one) ? 1 : 0
  return opened.contents
}
function decoded(format, data) {
  const entries = format.decode(data)
  for (const one of entries.values()) sink += format.live(one) ? 1 : 0
  return entries
}

const signing = [
  ['two HMACs and JSON.stringify', () => bareSign(JSON.stringify(values))],
  ['the same and zlib', () => bareSign(deflateSync(JSON.stringify(values)).toString('base64url'))],
  [
    '`flaskCookie`, every value new',
    () => another.seal({ data: taggedJson.encode(kept(taggedJson, values)) }, context),
  ],
  ['`flaskCookie`, renewed as it came', () => codec.seal({ data: text }, context)],
  [
    'no zlib: `taggedJson`, every value new, and `TimestampSigner`',
    () => signer.sign(base64(taggedJson.encode(kept(taggedJson, values)))),
  ],
]
const verifying = [
  ['two HMACs and JSON.parse', () => JSON.parse(bareVerify(bare)).username],
  [
    'the same and zlib',
    () => JSON.parse(inflateSync(Buffer.from(bareVerify(deflated), 'base64url')).toString()).username,
  ],
  ['`flaskCookie`, a cookie that is deflated', () => open(cookie).data],
  ['`flaskCookie`, one that is not', () => open(undeflated).data],
]
const records = [
  ['JSON.parse, a change, JSON.stringify', () => JSON.stringify({ ...JSON.parse(json), visits: 13 })],
]
for (const [name, format] of [
  ['msgpack (`flaskMsgpack`)', flaskMsgpack],
  ['pickle (`cachelibPickle`)', cachelibPickle],
  ['tagged JSON (`taggedJson`)', taggedJson],
]) {
  const data = format.encode(kept(format, values))
  const change = () => format.encode(decoded(format, data).set('visits', format.keep(13, 'visits')))
  records.push([`${name}: all read, a change, written`, change])
}

const tables = [signing, verifying, records].map((table) =>
  table.map(([name, run]) => ({ name, run, taken: [] })),
)
for (const { run } of tables.flat()) for (let i = 0; i < per * 2; i++) sink += run().length
// `open` first: what is renewed must be the session that came last.
for (let round = 0; round < rounds; round++) {
  for (const { run, taken } of tables.flat()) {
    open(cookie)
    const cpu = process.cpuUsage()
    for (let i = 0; i < per; i++) sink += run().length
    const spent = process.cpuUsage(cpu)
    taken.push((spent.user + spent.system) / per)
  }
}

function table(what, cases) {
  const least = median(cases[0].taken)
  const rows = cases.map(
    ({ name, taken }) => `| ${name} | ${median(taken).toFixed(2)} | ${(median(taken) / least).toFixed(1)} |`,
  )
  return `| ${what} | CPU µs | times |\n|---|---:|---:|\n${rows.join('\n')}\n`
}
const page = `# What Flask's formats cost

Written by \`npm run bench\` on ${machine()}. Medians of ${rounds} interleaved rounds of ${per}; a session of
${Object.keys(values).length} keys, ${json.length} bytes of JSON, ${undeflated.length} bytes as a signed cookie and ${cookie.length} with zlib. "Times" is against the first line,
the least that could be done.

${table('to sign', tables[0])}
${table('to verify and read', tables[1])}
Flask writes the payload deflated where that is shorter, so every payload that is new has to be deflated once to know; a lower
bound that spares it would have to be proved against zlib's own matching. That one call is most of the work, here as in the
line of bare calls. A session that is renewed without a change keeps the payload it came with.

${table('a record', tables[2])}
The native JSON functions keep no floats apart from ints and no value as it came; those of Python's formats do, in JavaScript.
`
writeFileSync(path.join(import.meta.dirname, '../docs/bench-formats.md'), page)
console.log(page)
if (sink === 0) throw new Error('nothing was measured')
