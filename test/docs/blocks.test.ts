import { execSync, spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blocksOf, promised } from './blocks.ts'

const root = path.resolve(import.meta.dirname, '../..')
const tsc = path.join(
  path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
)

const textOf = (document: string): string => readFileSync(path.join(root, document), 'utf8')
const documents = readdirSync(path.join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)
  .concat('README.md')
  .map((document) => ({ document, blocks: blocksOf(textOf(document)) }))
  .filter(({ blocks }) => blocks.length > 0)

const tutorial = documents.find(({ document }) => document === 'docs/tutorial.md')!.blocks

describe('the code in the documents', () => {
  let house: string

  const folderOf = (document: string): string => path.join(house, path.basename(document, '.md'))

  beforeAll(() => {
    // Projects like a reader's: the packages installed, the library under its own name, the blocks as files.
    house = mkdtempSync(path.join(tmpdir(), 'hipflask-docs-'))
    symlinkSync(path.join(root, 'node_modules'), path.join(house, 'node_modules'), 'junction')
    writeFileSync(path.join(house, 'package.json'), '{ "type": "module" }')
    for (const { document, blocks } of documents) {
      const folder = folderOf(document)
      mkdirSync(folder)
      writeFileSync(
        path.join(folder, 'tsconfig.json'),
        JSON.stringify({
          extends: path.join(root, 'tsconfig.json'),
          compilerOptions: {
            rootDir: '.',
            outDir: 'out',
            noEmit: false,
            // What a reader has by default: web servers and their clients share fetch's types.
            lib: ['es2023', 'dom', 'dom.iterable'],
            typeRoots: [path.join(root, 'node_modules/@types')],
          },
          include: ['*.ts'],
        }),
      )
      for (const { file, code } of blocks) writeFileSync(path.join(folder, file), code)
    }
    // As its first line makes it, but for what is installed.
    const [made] = /^npm init .*(?= && npm install )/m.exec(textOf('docs/tutorial.md')) ?? ['false']
    execSync(made, { cwd: folderOf('tutorial.md'), stdio: 'ignore' })
  })

  afterAll(() => rmSync(house, { recursive: true, force: true }))

  it.each(documents)('of $document has the right types', ({ document }) => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [tsc, '-p', folderOf(document), '--pretty', 'false'],
      {
        encoding: 'utf8',
      },
    )
    expect(stdout).toBe('')
    expect(status).toBe(0)
  })

  it.each([1, 2].flatMap((run) => tutorial.map((block) => Object.assign({ run }, block))))(
    'of the tutorial’s $file prints what it says, run $run',
    ({ file, code }) => {
      const program = path.join(folderOf('tutorial.md'), 'out', file.replace(/ts$/, 'js'))
      const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
        cwd: folderOf('tutorial.md'),
        encoding: 'utf8',
        timeout: 20_000,
      })
      expect(stderr).toBe('')
      expect(stdout.split('\n').slice(0, -1)).toEqual(promised(code))
      expect(status).toBe(0)
    },
  )

  it('of the tutorial says what it prints at every step', () => {
    expect(tutorial.map(({ file }) => file)).toHaveLength(10)
    for (const { file, code } of tutorial) {
      expect(promised(code).length, file).toBe((code.match(/console\.log/g) ?? []).length)
    }
  })
})

describe('the blocks of a text', () => {
  const text = [
    '# A',
    '```ts',
    '// one.ts',
    'a()',
    '```',
    '',
    '```ts continued',
    'b() // → 2',
    '```',
    '```sh',
    'c',
    '```',
  ]

  it('are files, at the lines where the text has them', () => {
    expect(blocksOf(`${text.join('\n')}\n`)).toEqual([
      { file: 'one.ts', code: '\n\n// one.ts\na()\n\n\n\nb() // → 2\n' },
    ])
    expect(promised('b() // → 2\n')).toEqual(['2'])
  })
})
