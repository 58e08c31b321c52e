import type { Description } from '../engine/description.ts'
import { lengthOfTime } from './lengths.ts'

/** One attribute of a cookie, and what it is for. `tone` says whether it is as it should be. */
export interface Attribute {
  readonly name: string
  readonly value: string
  readonly meaning: string
  readonly tone: 'good' | 'look' | 'plain'
}

/** The session cookie of plain or secure requests, attribute by attribute. */
export function explainCookie(of: Description, secure: boolean): Attribute[] {
  const form = secure ? of.cookie.secure : of.cookie.plain
  const attributes = new Map(
    `${form.domain}${form.tail}`
      .split('; ')
      .filter((part) => part !== '')
      .map((part): [string, string] => {
        const equals = part.indexOf('=')
        return equals === -1 ? [part, 'yes'] : [part.slice(0, equals), part.slice(equals + 1)]
      }),
  )
  const has = (name: string): boolean => attributes.has(name)
  const sameSite = attributes.get('SameSite')
  return [
    {
      name: 'Name',
      value: form.name,
      meaning: nameMeaning(form.name, secure),
      tone: form.name.startsWith('__') ? 'good' : 'plain',
    },
    {
      name: 'Value',
      value: of.place === 'store' ? 'a random id' : 'the session itself',
      meaning:
        of.place === 'store'
          ? 'Whoever has it is this visitor, so it is shown nowhere.'
          : 'The values travel in the cookie, so they cannot be listed or revoked here.',
      tone: 'plain',
    },
    has('Secure')
      ? { name: 'Secure', value: 'yes', meaning: 'Sent over HTTPS only (and to localhost).', tone: 'good' }
      : {
          name: 'Secure',
          value: 'no',
          meaning: secure
            ? 'Sent over plain HTTP as well, where anyone on the way can take it.'
            : 'On plain HTTP a browser would not keep a Secure cookie; on HTTPS this one is Secure.',
          tone: secure ? 'look' : 'plain',
        },
    has('HttpOnly')
      ? { name: 'HttpOnly', value: 'yes', meaning: 'Scripts in the page cannot read it.', tone: 'good' }
      : {
          name: 'HttpOnly',
          value: 'no',
          meaning: 'A script in the page can read and send it away.',
          tone: 'look',
        },
    {
      name: 'SameSite',
      value: sameSite ?? 'not said',
      meaning: sameSites[sameSite ?? ''] ?? '',
      tone: sameSite === 'Lax' || sameSite === 'Strict' ? 'good' : 'look',
    },
    {
      name: 'Path',
      value: attributes.get('Path') ?? '/',
      meaning: 'Sent for addresses below this path.',
      tone: 'plain',
    },
    has('Domain')
      ? {
          name: 'Domain',
          value: attributes.get('Domain') ?? '',
          meaning: 'Sent to this domain and every host below it, which all must be trusted.',
          tone: 'look',
        }
      : { name: 'Domain', value: 'none', meaning: 'Goes back to this very host alone.', tone: 'good' },
    ...(has('Partitioned')
      ? [
          {
            name: 'Partitioned',
            value: 'yes',
            meaning: 'A cookie of its own in each site that embeds the app.',
            tone: 'plain',
          } as const,
        ]
      : []),
    of.permanent
      ? {
          name: 'Expires',
          value: lengthOfTime(of.lifetime),
          meaning: 'Outlives the browser until the lifetime ends.',
          tone: 'plain',
        }
      : {
          name: 'Expires',
          value: 'none',
          meaning: 'Ends with the browser, unless the app sets `session.permanent = true`.',
          tone: 'plain',
        },
  ]
}

function nameMeaning(name: string, secure: boolean): string {
  if (name.startsWith('__Host-'))
    return 'With `__Host-` browsers take it from this host over HTTPS only: no neighbour can plant one.'
  if (name.startsWith('__Secure-')) return 'With `__Secure-` browsers take it over HTTPS only.'
  return secure
    ? 'Without a prefix a neighbouring host can plant a cookie of this name.'
    : 'On HTTPS browsers get the name with a prefix that no neighbour can plant.'
}

const sameSites: Readonly<Record<string, string>> = {
  Lax: 'Other sites’ forms and scripts do not send it; following a link does.',
  Strict: 'Nothing that starts on another site sends it, not even a link.',
  None: 'Every site’s requests send it: check where requests come from.',
  '': 'Browsers differ in what they do then. Say `Lax`.',
}
