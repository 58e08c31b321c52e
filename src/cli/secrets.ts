import process from 'node:process'
import { namedSecrets, type NamedSecret } from '../inspector/secrets.ts'
import { type Call, misuse, type Option } from './command.ts'
import { readInput } from './input.ts'

/** The option by which a secret is given that is not in the environment. */
export const secretOption: Readonly<Record<string, Option>> = {
  secret: { value: 'SECRET', help: 'a secret; `-` reads it from standard input (better: the environment)' },
}

/** The secrets of --secret and of HIPFLASK_SECRET, SECRET_KEY and SECRET_KEY_FALLBACKS, each under its name. */
export async function secretsOf(call: Call): Promise<NamedSecret[]> {
  const given = call.text('secret')
  if (given !== undefined && given !== '-')
    call.out.note('A secret on the command line is seen by others on this machine; use the environment.')
  const named: Record<string, string> = {}
  if (given !== undefined) named['--secret'] = given === '-' ? (await readInput()).trim() : given
  if (named['--secret'] === '') throw misuse('--secret: the secret is empty')
  return namedSecrets({ ...named, ...environmentSecrets() })
}

/** The secrets that the environment has, under their names; SECRET_KEY_FALLBACKS is a JSON list, or parted by commas. */
export function environmentSecrets(): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of ['HIPFLASK_SECRET', 'SECRET_KEY']) {
    const value = process.env[name]
    if (value !== undefined && value !== '') found[name] = value
  }
  for (const [i, fallback] of fallbacks(process.env['SECRET_KEY_FALLBACKS'] ?? '').entries())
    found[`SECRET_KEY_FALLBACKS[${i}]`] = fallback
  return found
}

function fallbacks(text: string): string[] {
  if (text.trimStart().startsWith('[')) {
    let list: unknown
    try {
      list = JSON.parse(text)
    } catch {
      list = null
    }
    if (!Array.isArray(list) || !list.every((secret) => typeof secret === 'string' && secret !== ''))
      throw misuse('SECRET_KEY_FALLBACKS in the environment starts with [ but is no JSON list of texts')
    return list as string[]
  }
  return text
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '')
}
