import process from 'node:process'
import { SessionError } from '../errors.ts'
import { adviceOn } from '../inspector/advice.ts'
import { lengthOfTime } from '../inspector/lengths.ts'
import { namedSecrets } from '../inspector/secrets.ts'
import type { Call, Command } from './command.ts'
import { misuse } from './command.ts'
import { examineSite } from './doctor-site.ts'
import { type Finding, finding } from './findings.ts'
import { painted } from './output.ts'
import { at, hasScheme, placeOptions, refusePath, type Tooled } from './place.ts'
import { environmentSecrets } from './secrets.ts'
import { told } from './told.ts'

const paints = { good: 'green', look: 'yellow', bad: 'red' } as const

/** `doctor`: what is wrong with a configuration or a running site. */
export const doctor: Command = {
  summary: 'checks secrets, a configuration, a store, or a running site',
  usage: '[URL]',
  options: {
    ...placeOptions,
    cookie: { value: 'NAME', help: "with a site: the session cookie's name" },
  },
  examples: [
    'npx hipflask doctor',
    'npx hipflask doctor --config dist/sessions.js',
    'npx hipflask doctor https://example.org/login',
  ],
  async run(call) {
    call.atMost(1)
    const [word] = call.words
    const site = word !== undefined && /^https?:/i.test(word)
    if (site && !URL.canParse(word)) throw misuse('the address of the site cannot be understood')
    const place =
      call.text('store') !== undefined || call.text('config') !== undefined || (word !== undefined && !site)
    if (word !== undefined) refusePath(word)
    if (word !== undefined && !site && !hasScheme.test(word))
      throw misuse('doctor takes the address of a site (http:, https:) or of a store')
    const findings: Finding[] = secretFindings(site)
    if (site) findings.push(...(await examineSite(new URL(word), call.text('cookie'))))
    if (place || (!site && process.env['HIPFLASK_STORE']))
      findings.push(...(await placeFindings(call).catch(unusable)))
    const bad = findings.some(({ tone }) => tone === 'bad')
    if (call.out.json) call.out.data({ ok: !bad, findings })
    else
      for (const { tone, about, message } of findings)
        call.out.line(painted(paints[tone], tone.padEnd(4)), '  ', painted('bold', about), '  ', message)
    return bad ? 1 : 0
  },
}

function secretFindings(site: boolean): Finding[] {
  const secrets = namedSecrets(environmentSecrets())
  // Of a site that runs elsewhere this environment says nothing.
  if (secrets.length === 0 && !site)
    return [
      finding(
        'look',
        'secret',
        'neither HIPFLASK_SECRET nor SECRET_KEY is set here; npx hipflask secret makes one',
      ),
    ]
  return secrets.map(({ name, weakness }) =>
    weakness === null
      ? finding('good', name, 'is a good secret')
      : finding('bad', name, `${weakness}, so anyone could forge sessions; npx hipflask secret makes one`),
  )
}

async function placeFindings(call: Call): Promise<Finding[]> {
  return at(call, async ({ sessions, store }) => {
    const description = sessions.describe()
    const found: Finding[] = []
    // A bare store says nothing of the app's settings.
    if (store === null) {
      const { lifetime, idle, place } = description
      found.push(
        finding(
          'good',
          'configuration',
          `sessions in a ${place}, for ${lengthOfTime(lifetime)}${idle === null ? '' : `, ${lengthOfTime(idle)} without a visit`}`,
        ),
      )
      for (const { code, message } of adviceOn(description, process.env['NODE_ENV'] === 'production'))
        found.push(finding(severe.has(code) ? 'bad' : 'look', code, message))
    }
    if (description.place === 'store') found.push(await reachable(sessions))
    return found
  })
}

/** A store that fails is a finding; a call that cannot be understood is not. */
function unusable(error: unknown): Finding[] {
  if (!(error instanceof SessionError) || error.code !== 'ERR_SESSION_STORE') throw error
  return [finding('bad', 'store', told(error))]
}

const severe: ReadonlySet<string> = new Set(['never_secure', 'not_http_only', 'memory_in_production'])

async function reachable(sessions: Tooled): Promise<Finding> {
  const start = performance.now()
  try {
    // An id that no session has: a read, and nothing but a read.
    await sessions.peek('A'.repeat(43))
  } catch (error) {
    return finding('bad', 'store', told(error))
  }
  return finding('good', 'store', `answers within ${Math.max(1, Math.ceil(performance.now() - start))} ms`)
}
