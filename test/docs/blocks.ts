/** A fenced block of a Markdown file. */
export interface Block {
  /** Its file: what a first line such as `// browser.ts` says, or a name made of the line it starts at. */
  readonly file: string
  /** The code, moved down by empty lines so that a compiler's line numbers are those of the Markdown file. */
  readonly code: string
}

const fence = /^(```+)ts[ \t]*(continued)?[ \t]*\n([\s\S]*?)^\1[ \t]*$/gm

/** The `ts` blocks of a Markdown text, each one a file; a `ts continued` block goes on with the file before it. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = []
  for (const { 1: ticks = '', 2: continued, 3: code = '', index } of markdown.matchAll(fence)) {
    const line = markdown.slice(0, index + ticks.length).split('\n').length
    const before = blocks.at(-1)
    if (continued !== undefined && before !== undefined) {
      const gap = line - before.code.split('\n').length + 1
      blocks[blocks.length - 1] = { file: before.file, code: before.code + '\n'.repeat(gap) + code }
    } else {
      const file = /^\/\/ ([\w-]+\.ts)\n/.exec(code)?.[1] ?? `line-${line}.ts`
      blocks.push({ file, code: '\n'.repeat(line) + code })
    }
  }
  return blocks
}

/** What a block says it prints: the text after each `// →`, a line each. */
export function promised(code: string): string[] {
  return [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text = '']) => text.trimEnd())
}
