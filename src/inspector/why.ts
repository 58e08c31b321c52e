import type { Description } from '../engine/description.ts'
import type { Told } from './told.ts'
import type { Ending, Seen } from './watch.ts'
import { lengthOfTime } from './lengths.ts'

/** One step of what happened to a request's session, and why. */
export interface Answer {
  readonly question: string
  readonly answer: string
  readonly tone: 'good' | 'bad' | 'look' | 'plain'
}

/** What is known besides the request itself. */
export interface Circumstances {
  readonly description: Description
  /** How the session this cookie names had ended, if that was seen. */
  readonly ending: Ending | null
  /** The browser speaks HTTPS with whatever stands before the app: how that is known, or null. */
  readonly httpsBefore: string | null
}

/** Why a request got the session it got, why it was stored or not, and why a cookie was set or not. */
export function why(seen: Seen, circumstances: Circumstances): Answer[] {
  return [
    came(seen, circumstances),
    ...found(seen, circumstances),
    did(seen),
    saved(seen),
    left(seen, circumstances),
  ]
}

function came({ cookies, cookieName, looked }: Seen, { httpsBefore }: Circumstances): Answer {
  const question = 'Was a session cookie received?'
  if (cookies === 1) return { question, answer: `Yes, \`${cookieName}\`.`, tone: 'good' }
  if (cookies > 1)
    return {
      question,
      answer: `${cookies} of the name \`${cookieName}\`. Somebody may have planted one, so none is used unless exactly one of them is valid.`,
      tone: 'look',
    }
  const other =
    httpsBefore === null ? '' : ' On HTTPS it may have another name: this request was taken for plain HTTP.'
  return {
    question,
    answer: `No cookie \`${cookieName}\` came: a new visitor, a cookie the browser did not keep or send, or one that has ended.${looked ? other : ''}`,
    tone: 'plain',
  }
}

function found(seen: Seen, { description, ending }: Circumstances): Answer[] {
  if (seen.cookies === 0) return []
  const answers: Answer[] = []
  const event = (type: Told['type']): Told | undefined => seen.events.find((event) => event.type === type)
  const inCookie = description.place === 'cookie'
  const rejected = event('rejected')
  if (!seen.looked && seen.events.length === 0 && seen.calls.length === 0)
    return [
      {
        question: 'Was it read?',
        answer: 'The app did not look at the session, so nothing was read.',
        tone: 'plain',
      },
    ]
  const verified = 'Did it verify, and with which secret?'
  if (rejected !== undefined)
    return [
      {
        question: verified,
        answer: `No: ${rejected.text}. It is dropped when the app looks at the session.`,
        tone: 'bad',
      },
    ]
  if (inCookie) {
    const expired = event('expired')
    answers.push(
      seen.secret === 'newest'
        ? { question: verified, answer: 'Yes, with the newest secret.', tone: 'good' }
        : seen.secret === 'earlier'
          ? {
              question: verified,
              answer:
                'Yes, with an earlier secret (one of `fallbacks`); the cookie is written anew under the newest.',
              tone: 'look',
            }
          : expired !== undefined
            ? { question: verified, answer: 'Yes, but its time was over.', tone: 'look' }
            : { question: verified, answer: 'No session came of it.', tone: 'bad' },
    )
  } else {
    answers.push({
      question: verified,
      answer:
        'It carries no values and so no signature: it is a random id of 256 bits, and the store knows only its SHA-256.',
      tone: 'plain',
    })
  }
  answers.push(record(seen, event, ending, inCookie))
  return answers
}

function record(
  seen: Seen,
  event: (type: Told['type']) => Told | undefined,
  ending: Ending | null,
  inCookie: boolean,
): Answer {
  const question = inCookie ? 'Was there a session in it?' : 'Was the record found?'
  const failed = seen.calls.find(({ call, ok }) => call === 'get' && !ok)
  if (failed !== undefined)
    return {
      question,
      answer: `The store failed in \`get\` after ${failed.milliseconds.toFixed(1)} ms: ${seen.error ?? 'the request went on without a session'}.`,
      tone: 'bad',
    }
  if (event('unknown') !== undefined)
    return {
      question,
      answer:
        ending === null
          ? 'No record has this id: it ended before this page was watching (a logout, a revoke, a rotation, its time), or it never was one.'
          : `No record has this id any more: it was ${endings[ending.type]}${secondsBefore(seen, ending)}.`,
      tone: 'look',
    }
  if (event('expired') !== undefined)
    return {
      question,
      answer: 'Yes, but its time was over: idle for too long, or past its lifetime.',
      tone: 'look',
    }
  const broken = event('corrupt') ?? event('invalid')
  if (broken !== undefined)
    return {
      question,
      answer: `Yes, but ${broken.text}. The visitor is anonymous; the record is left as it is.`,
      tone: 'bad',
    }
  const duplicate = event('duplicate')
  if (duplicate !== undefined && event('read') === undefined)
    return { question, answer: `None is used: ${duplicate.text}.`, tone: 'look' }
  if (event('read') !== undefined) {
    const renewed =
      event('renewed') === undefined ? '' : ' Its idle time started again, in the same round trip.'
    return { question, answer: `Yes, alive.${renewed}`, tone: 'good' }
  }
  return { question, answer: 'Nothing was read.', tone: 'plain' }
}

const endings: Readonly<Record<Ending['type'], string>> = {
  destroyed: 'ended by the app',
  revoked: 'revoked',
  rotated: 'given a new id (a login, or `regenerate`)',
  evicted: 'dropped by the store to make room',
  expired: 'expired',
}

function secondsBefore(seen: Seen, ending: Ending): string {
  const before = seen.at - ending.at
  return before < 0 ? '' : `, ${lengthOfTime(Math.max(before, 1))} before`
}

function did({ looked, changes, keys, events }: Seen): Answer {
  const question = 'What did the app do with it?'
  if (!looked) return { question, answer: 'It never looked.', tone: 'plain' }
  if (keys === null) {
    const gone = events.some(({ type }) => type === 'gone')
    return {
      question,
      answer: gone ? 'It used it, and meanwhile the session ended elsewhere.' : 'It ended the session.',
      tone: gone ? 'look' : 'plain',
    }
  }
  const mine = changes.shown.filter(({ theirs }) => !theirs)
  const count = mine.length + changes.more
  if (count === 0) return { question, answer: 'It read, and changed nothing.', tone: 'plain' }
  const names = mine.slice(0, 6).map(({ key }) => `\`${key}\``)
  const more = count > names.length ? ` and ${count - names.length} more` : ''
  return { question, answer: `It changed ${names.join(', ')}${more}.`, tone: 'plain' }
}

function saved(seen: Seen): Answer {
  const question = 'Was it stored? Why, or why not?'
  const event = (type: Told['type']): Told | undefined => seen.events.find((event) => event.type === type)
  if (seen.error !== null)
    return {
      question,
      answer: `No: the closing ended in ${seen.error}. The app was told, and nothing was acknowledged.`,
      tone: 'bad',
    }
  const gone = event('gone')
  if (gone !== undefined)
    return { question, answer: `No: ${gone.text}. A late request never brings a session back.`, tone: 'look' }
  if (event('created') !== undefined)
    return {
      question,
      answer: 'Yes: a new session got its first value, so it became a record.',
      tone: 'good',
    }
  const merged = event('merged')
  if (merged !== undefined)
    return {
      question,
      answer: `Yes, after a conflict: ${merged.text}. Nothing of the other request was lost.`,
      tone: 'good',
    }
  if (event('rotated') !== undefined)
    return {
      question,
      answer:
        'Yes, under a new id: the app asked for it, or the user is another one. The old id died in the same step.',
      tone: 'good',
    }
  if (event('written') !== undefined) return { question, answer: 'Yes: a value changed.', tone: 'good' }
  if (event('destroyed') !== undefined) return { question, answer: 'Its record is deleted.', tone: 'good' }
  if (!seen.looked)
    return {
      question,
      answer: 'No: what is not looked at is not touched. No store call, no cookie.',
      tone: 'plain',
    }
  const count = seen.changes.shown.length + seen.changes.more
  return count > 0
    ? { question, answer: 'No: the changes came to nothing that could be stored.', tone: 'look' }
    : { question, answer: 'No: nothing changed, so there was nothing to store.', tone: 'plain' }
}

function left(seen: Seen, { description, httpsBefore }: Circumstances): Answer {
  const question = 'Was a cookie set? Why, or why not?'
  const { setCookie } = seen
  const event = (type: Told['type']): boolean => seen.events.some((event) => event.type === type)
  const plainly =
    httpsBefore === null || seen.secure
      ? ''
      : ` ${httpsBefore}, yet this request was taken for plain HTTP, because no proxy is trusted: set \`trustProxy\` (Express: \`app.set('trust proxy', 1)\`).`
  if (setCookie === null) {
    if (seen.error !== null) return { question, answer: 'No: the session was not stored.', tone: 'bad' }
    if (!seen.looked) return { question, answer: 'No: the session was not looked at.', tone: 'plain' }
    if (event('written') || event('merged'))
      return {
        question,
        answer: 'No: the browser has the id already, and the id did not change.',
        tone: 'good',
      }
    if (event('gone'))
      return {
        question,
        answer: 'No: another request has given the browser a new cookie, which must stay.',
        tone: 'plain',
      }
    if (seen.keys === 0)
      return {
        question,
        answer: `No: there is nothing to remember, so there is no session.${plainly}`,
        tone: plainly === '' ? 'plain' : 'look',
      }
    return { question, answer: 'No: the browser has it already, and nothing changed.', tone: 'plain' }
  }
  if (/=; .*Max-Age=0/.test(setCookie))
    return { question, answer: 'It was cleared: it names no living session.', tone: 'plain' }
  const secure = /; Secure(?:;|$)/.test(setCookie)
  if (secure && !seen.secure)
    return {
      question,
      answer: `Yes, but it is a \`Secure\` cookie over plain HTTP, which browsers keep for localhost only.${plainly}`,
      tone: 'bad',
    }
  const reason = event('created')
    ? 'the session is new'
    : event('rotated')
      ? 'it has a new id'
      : seen.secret === 'earlier'
        ? 'an earlier secret had verified it'
        : description.place === 'cookie'
          ? 'its values or its time changed'
          : 'its life in the browser changed'
  return { question, answer: `Yes: ${reason}.${plainly}`, tone: plainly === '' ? 'good' : 'look' }
}
