/** What is to be done with the cookie of a session that lives in it. */
export type CookieVerdict = 'nothing' | 'seal' | 'drop'

/** What is known of such a session when its request ends. */
export interface CookieFacts {
  /** A valid cookie came. */
  readonly exists: boolean
  /** A cookie with our name came, valid or not. */
  readonly came: boolean
  /** The cookie that came can never be a session. */
  readonly spoiled: boolean
  /** The app called `destroy`. */
  readonly destroyed: boolean
  /** Values differ from those in the cookie. */
  readonly changed: boolean
  /** The app changed something, even to what it was: Flask's `session.modified`. */
  readonly modified: boolean
  /** No value and no message is left, whatever `permanent` says. */
  readonly empty: boolean
  /** Not even `permanent` is left. */
  readonly bare: boolean
  /** The cookie must be written anew: an old secret, its idle time, `regenerate`. */
  readonly due: boolean
  readonly permanent: boolean
}

/** hipflask's rules: a cookie is written when values changed, and dropped when there are none or it is worthless. */
export function ownRules(facts: CookieFacts): CookieVerdict {
  const { exists, came, spoiled, destroyed, changed, empty, due } = facts
  if (destroyed) return came ? 'drop' : 'nothing'
  if (changed && empty && exists) return 'drop'
  if ((changed && !empty) || (exists && due)) return 'seal'
  return spoiled ? 'drop' : 'nothing'
}

/** Flask's rules (3.1, `SecureCookieSessionInterface.save_session`); nested changes, which Flask overlooks, count as changes. */
export function flaskRules(facts: CookieFacts, refreshEachRequest: boolean): CookieVerdict {
  const modified = facts.modified || facts.changed || facts.destroyed
  if (facts.bare || facts.destroyed) return modified ? 'drop' : 'nothing'
  return modified || (facts.permanent && refreshEachRequest) ? 'seal' : 'nothing'
}
