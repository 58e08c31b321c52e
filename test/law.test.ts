import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

/*
 * The law of imports: a file imports from its own folder or from a lower step. Rooms of one step are neighbours and
 * never import each other.
 */
const steps = [
  ['contracts', 'errors'],
  ['lib'],
  ['serializers', 'codecs', 'itsdangerous', 'stores', 'engine'],
  ['flask'],
  ['adapters', 'testing', 'index'],
  ['inspector'],
  ['cli'],
]

const src = path.join(import.meta.dirname, '../src')

function room(file: string): string {
  return path.relative(src, file).split(path.sep)[0]!.replace(/\.ts$/, '')
}

function step(name: string): number {
  return steps.findIndex((rooms) => rooms.includes(name))
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

test('the rooms of src are those of the ladder', () => {
  for (const file of files) expect(step(room(path.join(src, file))), file).not.toBe(-1)
})

test.each(files)(
  '%s imports downwards only, and nothing from outside but node: and its own framework',
  (name) => {
    const file = path.join(src, name)
    const text = readFileSync(file, 'utf8')
    for (const [statement, specifier] of text.matchAll(
      /^(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]/gm,
    )) {
      if (specifier!.startsWith('.')) {
        const [from, to] = [room(file), room(path.resolve(path.dirname(file), specifier!))]
        if (from !== to) expect(step(to), `${name} imports ${specifier}`).toBeLessThan(step(from))
      } else if (!specifier!.startsWith('node:')) {
        // A framework or driver may lend its types, in the room that speaks to it.
        expect(statement, name).toMatch(/^(?:import|export) type/)
        expect(['adapters', 'stores'], `${name} imports ${specifier}`).toContain(room(file))
      }
    }
  },
)
