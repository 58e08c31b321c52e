import { wordFor } from '../inspector/cause.ts'
import { lengthOfTime } from '../inspector/lengths.ts'
import { misuse } from './command.ts'
import { type Finding, finding } from './findings.ts'

/** How long (milliseconds) a site may take, and how far its clock may be off. */
const patience = 10_000
const skew = 5_000

const sessionLike = /sess|sid|auth|token|^__(?:host|secure)-/i

/** What one answer of a running site says about its session cookie; throws ERR_SESSION_USE when it does not answer. */
export async function examineSite(url: URL, cookie: string | undefined): Promise<Finding[]> {
  const before = Date.now()
  let response: Response
  try {
    response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(patience) })
    await response.body?.cancel()
  } catch (error) {
    throw misuse(
      `the site does not answer (${wordFor(error as Error)}); look at the address and whether it runs`,
    )
  }
  const lines = response.headers.getSetCookie()
  const chosen = lines.filter((line) => {
    const name = line.slice(0, line.indexOf('='))
    return cookie === undefined ? sessionLike.test(name) : name === cookie
  })
  return [
    finding('good', 'site', `answers ${response.status}`),
    ...clock(response.headers.get('date'), before, Date.now()),
    ...(chosen.length === 0
      ? [
          finding(
            'look',
            'cookie',
            `this answer sets no ${cookie === undefined ? 'session cookie' : 'cookie of this name'}; name a page that begins a session${cookie === undefined ? ', or the cookie with --cookie' : ''}`,
          ),
        ]
      : []),
    ...chosen.flatMap((line) => attributes(line, url.protocol === 'https:')),
    ...(chosen.length === 0 ? [] : caching(response.headers)),
  ]
}

function clock(date: string | null, before: number, after: number): Finding[] {
  const there = date === null ? Number.NaN : Date.parse(date)
  if (Number.isNaN(there))
    return [finding('look', 'clock', 'the answer has no Date, so the clocks cannot be compared')]
  // A Date is cut to whole seconds.
  const off = there > after ? there - after : Math.max(0, before - there - 1_000)
  return [
    off > skew
      ? finding(
          'bad',
          'clock',
          `the site's clock is ${lengthOfTime(off)} ${there > after ? 'ahead of' : 'behind'} this machine's: signed cookies end at the wrong time`,
        )
      : finding('good', 'clock', 'agrees with this machine'),
  ]
}

/** What the attributes of a Set-Cookie line say; the value is not looked at. */
function attributes(line: string, https: boolean): Finding[] {
  const [pair = '', ...rest] = line.split(';').map((part) => part.trim())
  const name = pair.slice(0, pair.indexOf('='))
  const has = new Map(
    rest.map((part): [string, string] => {
      const [key = '', value = ''] = part.split('=')
      return [key.toLowerCase(), value]
    }),
  )
  const found: Finding[] = []
  const say = (tone: Finding['tone'], message: string): void =>
    void found.push(finding(tone, `cookie ${name}`, message))
  const sameSite = has.get('samesite')?.toLowerCase()
  if (!has.has('httponly')) say('bad', 'has no HttpOnly: a script in the page can read it')
  if (https && !has.has('secure')) say('bad', 'has no Secure: it also travels over plain HTTP')
  if (sameSite === 'none' && !has.has('secure'))
    say('bad', 'has SameSite=None without Secure: browsers refuse it')
  else if (sameSite === undefined)
    say('look', 'does not say SameSite: browsers differ in what they take it for')
  else if (sameSite === 'none') say('look', 'has SameSite=None: other sites can make requests that carry it')
  if (name.startsWith('__Host-') && (has.has('domain') || has.get('path') !== '/' || !has.has('secure')))
    say('bad', 'has the prefix __Host- but not Secure, Path=/ and no Domain: browsers refuse it')
  if (has.has('domain')) say('look', 'has a Domain: every host below it gets it and must be trusted')
  if (https && !name.startsWith('__'))
    say('look', 'has no __Host- before its name, so another host of the domain can set one')
  const bytes = pair.length - 1
  if (bytes > 4096) say('bad', `has ${bytes} bytes; browsers drop more than 4096`)
  else if (bytes > 3500) say('look', `has ${bytes} bytes of the 4096 that browsers keep`)
  if (!found.some(({ tone }) => tone === 'bad'))
    say('good', 'has the attributes that browsers and users need')
  return found
}

function caching(headers: Headers): Finding[] {
  const control = headers.get('cache-control')?.toLowerCase() ?? ''
  const words = control.split(',').map((word) => word.trim().split('=')[0]!)
  const unshared = words.some((word) => word === 'no-store' || word === 'private')
  const vary = new Set((headers.get('vary') ?? '').toLowerCase().split(/[\s,]+/))
  return [
    unshared
      ? finding('good', 'cache', 'a shared cache does not keep the answer that sets the cookie')
      : finding(
          words.includes('public') || words.includes('s-maxage') ? 'bad' : 'look',
          'cache',
          'the answer that sets the cookie may be kept by a shared cache and given to others: Cache-Control: no-store',
        ),
    vary.has('cookie') || vary.has('*')
      ? finding('good', 'vary', 'names Cookie')
      : finding('look', 'vary', 'the answer depends on the cookie and does not say so: Vary: Cookie'),
  ]
}
