import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CodecContext } from '../../src/contracts/codec.ts'
import { flaskCookie } from '../../src/flask/index.ts'
import * as any from '../flask-session/arbitrary.ts'
import { live, typed } from '../flask-session/typed.ts'
import type { Typed } from '../flask-session/typed.ts'
import { pythonPath } from '../real/python.ts'
import { few, seed, share, steps } from './share.ts'
import { postJson, startFlask, startHipflask } from './twin.ts'
import type { Twin } from './twin.ts'

/** Cookies of random sessions each way; HIPFLASK_RANDOM=10000 for more. */
const count = Number(process.env['HIPFLASK_RANDOM'] ?? 200)

const firstKey = 'Xr2-5mKq8v_TzN1bYw9Lcd0F'
/** To the second, and from the year 100 on: an earlier one comes back as 19xx or 20xx, as in Flask. */
const date = any.utcDatetime
  .map<Typed>(([kind, text]) => [kind, text.replace(/\.\d+/, '')])
  .filter(([, text]) => !text.startsWith('00'))
const common = [any.nothing, any.bool, any.looseStr, any.anyFloat, any.bytes, any.uuid, any.markup, date]
const tuples = (part: fc.Arbitrary<Typed>): fc.Arbitrary<Typed> =>
  fc.array(part, { maxLength: 6 }).map<Typed>((items) => ['tuple', items])
const value = any.nested(fc.oneof(...common, any.anyInt), any.looseStr, (part) => [tuples(part)])

describe.skipIf(pythonPath === null)(`Flask's own sessions, shared with Flask (seed ${seed})`, () => {
  let twins: Twin[]
  beforeAll(async () => {
    const config = { SECRET_KEY: firstKey }
    twins = await Promise.all([
      startFlask(config),
      startHipflask('node', config),
      startHipflask('express', config),
    ])
  })
  afterAll(() => Promise.all(twins.map((twin) => twin.stop())))

  test('whatever one of them does, the others see', { timeout: 300_000 }, async () => {
    // Every twin can verify what the others sign at each moment: first all know the next key, then all sign with it.
    const keys = [firstKey]
    let turn = 0
    const rotate = async (): Promise<void> => {
      const at = turn++ % (2 * twins.length)
      if (at === 0) keys.push(`${firstKey}-${turn}`)
      const [signs, others] =
        at < twins.length
          ? [keys.at(-2)!, [...keys.slice(0, -2), keys.at(-1)!]]
          : [keys.at(-1)!, keys.slice(0, -1)]
      await twins[at % twins.length]!.configure({ SECRET_KEY: signs, SECRET_KEY_FALLBACKS: others })
    }
    await fc.assert(
      fc.asyncProperty(steps(twins.length, few(tuples), 40), (walk) => share(twins, walk, rotate)),
      { seed, numRuns: 3, endOnFailure: true },
    )
  })

  test(`${count} random sessions each way in signed cookies`, { timeout: 600_000 }, async () => {
    const secret = 'Kd7-Vq1zR8pXw4_LmTn3Ys6B'
    await twins[0]!.configure({ SECRET_KEY: secret, SECRET_KEY_FALLBACKS: [] })
    const { origin } = twins[0]!
    const codec = flaskCookie({ secret, maxInflated: 2 ** 24 })
    const serializer = codec.serializer!
    const now = (): CodecContext => ({ cookieName: 'session', now: Date.now(), lifetime: 86_400_000 })
    const sessions = fc.sample(any.session(value, any.looseStr), { seed, numRuns: count })
    const same = (found: Typed, wanted: Typed): void => {
      const [left, right] = [any.settled(found), any.settled(wanted)]
      if (JSON.stringify(left) !== JSON.stringify(right)) expect(left).toEqual(right)
    }
    for (let at = 0; at < count; at += 500) {
      const part = sessions.slice(at, at + 500)
      const theirs: string[] = JSON.parse(await postJson(`${origin}/cookies`, part))
      const ours = theirs.map((cookie, i) => {
        const opened = codec.open(cookie, now())
        if (!opened.ok) throw new Error(`refused (${opened.reason}): ${JSON.stringify(part[i])}`)
        const entries = serializer.decode(opened.contents.data)
        const read = [...entries].map(([key, kept]) => [typed(key), typed(serializer.live(kept))])
        same(['dict', read], part[i]!)
        // Written anew from live values, not from the text that came.
        const anew = Object.entries(live(part[i]!) as object)
        const data = serializer.encode(new Map(anew.map(([key, one]) => [key, serializer.keep(one, key)])))
        return codec.seal({ ...opened.contents, data }, now())
      })
      const read: Typed[] = JSON.parse(await postJson(`${origin}/sessions`, ours))
      expect(read).toHaveLength(part.length)
      for (const [i, session] of read.entries()) same(session, part[i]!)
    }
  })
})
