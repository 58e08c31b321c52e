import { SessionError } from '../errors.ts'

type Unit = 'millisecond' | 'second' | 'minute' | 'hour' | 'day' | 'week'

/** A length of time: a text such as `'31 days'`, `'90 minutes'`, `'1 hour'`, or a number of milliseconds. */
export type Duration = number | `${number} ${Unit}` | `${number} ${Unit}s`

const units: ReadonlyMap<string, number> = new Map([
  ['millisecond', 1],
  ['second', 1_000],
  ['minute', 60_000],
  ['hour', 3_600_000],
  ['day', 86_400_000],
  ['week', 604_800_000],
])

const form = /^(\d+(?:\.\d+)?) (millisecond|second|minute|hour|day|week)s?$/

/** Milliseconds of a duration, at least 1 and whole; throws ERR_SESSION_CONFIG naming `setting` for anything else. */
export function milliseconds(duration: Duration, setting: string): number {
  const parts = typeof duration === 'string' ? form.exec(duration) : null
  const length = parts === null ? duration : Number(parts[1]) * units.get(parts[2]!)!
  if (typeof length === 'number' && length >= 1 && length <= Number.MAX_SAFE_INTEGER)
    return Math.floor(length)
  throw new SessionError(
    'ERR_SESSION_CONFIG',
    `\`${setting}\` is ${JSON.stringify(duration)}; write a text such as '30 minutes' or '7 days', or a number of milliseconds of at least 1.`,
  )
}
