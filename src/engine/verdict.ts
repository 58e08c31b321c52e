/** What a request leaves to be done with its session. */
export type Verdict = 'nothing' | 'create' | 'update' | 'rotate' | 'drop'

/** What is known when a request ends. */
export interface Facts {
  /** The session is stored already. */
  readonly exists: boolean
  /** The app called `destroy`. */
  readonly destroyed: boolean
  /** Some value is to be changed. */
  readonly changed: boolean
  /** No value is left. */
  readonly empty: boolean
  /** The app called `regenerate`, or the user is another one. */
  readonly rotates: boolean
}

/** The one decision of the engine: a pure function of what the request did. */
export function verdict({ exists, destroyed, changed, empty, rotates }: Facts): Verdict {
  if (destroyed) return exists ? 'drop' : 'nothing'
  // Nothing but `create` makes a record, and only for a session that has something to keep.
  if (!exists) return changed && !empty ? 'create' : 'nothing'
  if (rotates) return 'rotate'
  // A session that became empty goes on: a parallel request may be adding to it.
  return changed ? 'update' : 'nothing'
}
