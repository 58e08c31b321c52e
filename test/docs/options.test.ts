import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
const textOf = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const page = textOf('docs/options.md')

/** The first cells of the table that starts with this head. */
function listed(head: string): string[] {
  const [table = ''] = page.slice(page.indexOf(`| ${head} `)).split('\n\n')
  return [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name)
}

/** The properties of an interface, as its file has them. */
function propertiesOf(file: string, name: string): string[] {
  const [, body = ''] =
    new RegExp(`^export interface ${name}\\b.*{\\n([^]*?)^}`, 'm').exec(textOf(file)) ?? []
  return [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, property = '']) => property)
}

it('the page of options has every option and every code, in their order', () => {
  expect(listed('option')).toEqual([
    'store',
    'codec',
    ...propertiesOf('src/engine/settings.ts', 'SessionOptions'),
  ])
  expect(listed('option of `cookie`')).toEqual(propertiesOf('src/lib/cookie.ts', 'CookieOptions'))
  const codes = textOf('src/errors.ts').matchAll(/\| '(ERR_SESSION_\w+)'/g)
  expect(listed('code')).toEqual([...codes].map(([, code]) => code))
})
