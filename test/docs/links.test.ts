import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'].concat(
  readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
)

/** Where the links and images of a document lead, from the project's folder; those to other sites are left out. */
function linksOf(document: string): { target: string; anchor: string | undefined }[] {
  const text = readFileSync(path.join(root, document), 'utf8')
  return [...text.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset)="([^"]+)"/g)]
    .map(([, link, image]) => (link ?? image)!)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [file = '', anchor] = link.split('#')
      return { target: file === '' ? document : path.join(path.dirname(document), file), anchor }
    })
}

/** The anchors of a document's headings, as code hosts make them. */
function anchorsOf(document: string): string[] {
  const text = readFileSync(path.join(root, document), 'utf8').replaceAll(/^```[^]*?^```/gm, '')
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

it.each(documents)('the links of %s lead somewhere', (document) => {
  for (const { target, anchor } of linksOf(document)) {
    expect(existsSync(path.join(root, target)), target).toBe(true)
    if (anchor !== undefined) expect(anchorsOf(target)).toContain(anchor)
  }
})

it('the documents that the packed README names are packed', () => {
  const words = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const told = execFileSync('npm', words, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [packed] = Object.values(JSON.parse(told) as Record<string, { files: { path: string }[] }>)
  const files = packed!.files.map((file) => file.path)
  for (const { target } of linksOf('README.md').filter(({ target }) => !target.includes('images/')))
    expect(
      files.some((file) => file === target || file.startsWith(`${target}/`)),
      target,
    ).toBe(true)
})
