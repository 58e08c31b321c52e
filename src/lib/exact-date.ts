/** What a Date cannot say of the Python datetime it was read from. */
export interface DateRest {
  /** Microseconds after the Date's millisecond, 0 to 999. */
  readonly micros: number
  /** The datetime as it was pickled (byte text), where it was: its zone, or that it has none; else null. */
  readonly pickled: string | null
}

const rests = new WeakMap<Date, DateRest & { readonly time: number }>()

/** A Date that remembers the rest of its datetime. `time`: milliseconds since 1970 (UTC). */
export function exactDate(time: number, micros: number, pickled: string | null): Date {
  const date = new Date(time)
  if (micros !== 0 || pickled !== null) rests.set(date, { time, micros, pickled })
  return date
}

/** The rest of the datetime that `date` was read from; null for other Dates, and for one that was changed since. */
export function dateRest(date: Date): DateRest | null {
  const rest = rests.get(date)
  return rest !== undefined && rest.time === date.getTime() ? rest : null
}
