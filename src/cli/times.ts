import { lengthOfTime } from '../inspector/lengths.ts'

/** How long ago, or in how long, a time is. */
export function distance(time: number, now: number): string {
  const length = lengthOfTime(Math.max(Math.abs(now - time), 1))
  return time <= now ? `${length} ago` : `in ${length}`
}

/** A time for JSON: ISO 8601, or null where there is no such time. */
export function iso(time: number): string | null {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : null
}
