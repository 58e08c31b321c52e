import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { reportOf } from './report.js'

const root = path.join(import.meta.dirname, '../..')
const markers = /(<!-- performance -->\n)[\s\S]*?(<!-- end -->)/

/** Writes docs/performance.md with its charts; and its part of the README, whose figures are never those of a quick run. */
export function writePage(whole) {
  const docs = path.join(root, 'docs')
  const images = path.join(docs, 'images')
  const { page, readme, charts } = reportOf(whole, { growth: existsSync(path.join(docs, 'growth.md')) })
  mkdirSync(images, { recursive: true })
  for (const old of readdirSync(images)) if (/^performance-.*\.svg$/.test(old)) rmSync(path.join(images, old))
  for (const [name, { svg }] of Object.entries(charts)) writeFileSync(path.join(images, name), svg)
  writeFileSync(path.join(docs, 'performance.md'), page)
  console.log(`written: docs/performance.md, ${Object.keys(charts).length} charts`)
  if (whole.plan.quick || readme === '')
    return console.log('README.md stays as it is: its figures are those of a whole run')
  const file = path.join(root, 'README.md')
  const text = readFileSync(file, 'utf8')
  if (!markers.test(text)) throw new Error('README.md has no <!-- performance --> … <!-- end -->')
  writeFileSync(
    file,
    text.replace(markers, (_, start, end) => `${start}${readme}\n${end}`),
  )
  console.log('written: README.md')
}
