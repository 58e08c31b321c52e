import { describe, expect, test } from 'vitest'

// Scripts without types: what they answer is what is tested here.
const path = '../../bench/http/report.js'
const { reportOf } = (await import(path)) as { reportOf(whole: object): any }

const figures = (added: number, ratio = 0.8): object => ({
  added,
  ratio,
  cpu: 80 + added,
  rate: 10_000 * ratio,
  p50: 1.5,
  p99: 4,
  rss: 64 * 2 ** 20,
  disturbed: 0.02,
})

function line(
  library: string,
  kind: string,
  label: string,
  [read, write]: [number, number],
  lost = 0,
): object {
  return {
    ...{ framework: 'express', library, kind, label, bytes: library === 'hipflask' ? 51 : 44 },
    scenes: {
      S1: figures(read),
      S2: figures(write),
      S3: figures(0.5, 0.99),
      S3c: figures(0.5, 0.97),
      S4: figures(read),
    },
    correctness: {
      of: { writes: 200, trials: 5, redirects: 10 },
      cut: 0,
      lost: { lost, refused: 0 },
      lostSlowly: { lost, refused: 0 },
      revivedByWrite: { jar: lost === 0 ? 0 : 5, old: lost === 0 ? 0 : 5 },
      revivedByRead: { jar: 0, old: 0 },
      stale: 0,
      staleSlowly: 0,
    },
  }
}

const redis = (each: number): object => ({ each, names: each === 0 ? {} : { GET: each } })
const run = {
  plan: { quick: true, rounds: 1, window: 200, between: 3, sessions: 250 },
  machine: 'one machine, 2026-01-01',
  versions: { hipflask: '0.1.0', wrk: '4.1.0' },
  missing: ['left out: Go with scs is not on this machine: apt-get install golang-go'],
  results: [
    {
      framework: 'express',
      library: 'none',
      kind: 'none',
      label: 'no session',
      noise: 2,
      scenes: { S0: figures(0, 1) },
    },
    line('hipflask', 'memory', 'hipflask: memory', [12, 30]),
    line('express-session', 'memory', 'express-session: memory', [90, 20], 150),
    line('floor', 'memory', 'floor: memory', [10, 15]),
    {
      ...line('hipflask', 'redis', 'hipflask: Redis (node-redis)', [40, 60]),
      commands: { S1: redis(1), S2: redis(2), S3: redis(0), S3c: redis(1) },
    },
    {
      ...line('iron-session', 'sealed', 'iron-session', [1, 1]),
      scenes: {},
      failure: 'start: did not start',
    },
  ],
  startup: {
    imports: { hipflask: 9, 'express-session': 10 },
    installed: {
      hipflask: { bytes: 900_000, packages: 1 },
      'express-session': { bytes: 200_000, packages: 11 },
    },
    heap: { hipflask: 650, 'express-session': 600 },
    sizes: [
      { name: 'front door', size: 5900 },
      { name: 'whole', size: 15_100 },
    ],
  },
}

describe('the page of a run over HTTP', () => {
  const { page, readme, charts } = reportOf(run)
  const rowsWith = (text: string): string[] => page.split('\n').filter((row: string) => row.includes(text))

  test('says which targets are met, and the furthest case of those that are not', () => {
    expect(rowsWith('S1, S4: CPU added ≤ 1.25 × the floor')).toEqual([
      expect.stringContaining('| met, all 2 | Express 5, hipflask: memory, S1: 12 µs, floor 10 (1.20 ×) |'),
    ])
    expect(rowsWith('S2: CPU added ≤ 1.4 × the floor')[0]).toContain(
      '**missed** | Express 5, hipflask: memory, S2: 30',
    )
    expect(rowsWith('S3c: at least 0.98')[0]).toContain(
      '**missed** by 2 of 2 | Express 5, hipflask: memory: 0.97',
    )
    expect(rowsWith('store commands:')[0]).toContain(
      '**missed** by 1 of 4 | Express 5, hipflask: Redis (node-redis), S3c: 1',
    )
    expect(rowsWith('0 lost')).toEqual(['| S5, stores with compare-and-swap: 0 lost | met, all 2 |  |'])
    expect(rowsWith('compressed ≤ 6 kB')[0]).toContain('| met | 5900 bytes |')
    expect(rowsWith('compressed ≤ 15 kB')[0]).toContain('| **missed** | 15100 bytes |')
  })

  test('names every case in which hipflask loses, with what the faster library does not keep', () => {
    const start = page.indexOf('## Where hipflask loses')
    const losses = page.slice(start, page.indexOf('\n## ', start + 1))
    expect(losses).toContain(
      '| Express 5, hipflask: memory | writing (S2) | 30 | express-session: memory 20 (loses 300 of 400 writes, revives 10 of 20 logouts) |',
    )
    expect(losses).not.toContain('reading (S1)')
    expect(losses).toContain('the Cookie header: 51 bytes; express-session: memory 44.')
    expect(losses).toContain('Heap of an idle session in memory: 650 bytes; express-session 600.')
    expect(losses).not.toContain('Importing it')
  })

  test('drops nothing silently', () => {
    expect(page).toContain('Left out: Go with scs is not on this machine: apt-get install golang-go.')
    expect(page).toContain('- Express 5, iron-session: start: did not start')
    expect(page).toContain('on one machine, 2026-01-01. A quick run')
    expect(page).toContain('Other programs had 2 % of the server’s CPU (median)')
  })

  test('gives the README its table, and each framework its chart with the figures in words', () => {
    expect(readme).toContain(
      '| **hipflask: memory** | 12 | 30 | 0 |\n| express-session: memory | 90 | 20 | 150 |',
    )
    expect(Object.keys(charts)).toEqual(['performance-express.svg'])
    const { svg, alt } = charts['performance-express.svg']
    expect(alt).toContain('memory: hipflask: memory 12 and 30, express-session: memory 90 and 20')
    expect(svg.match(/<rect class="peer/g)).toHaveLength(2)
    expect(svg).toContain('prefers-color-scheme: dark')
  })
})
