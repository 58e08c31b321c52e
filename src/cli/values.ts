import { type Bounds, defaultMask, line, shown, type Shown, wide } from '../inspector/shown.ts'
import type { Call, Option } from './command.ts'
import type { Output } from './output.ts'
import { painted } from './output.ts'

/** The option by which hidden values are shown. */
export const revealOption: Readonly<Record<string, Option>> = {
  reveal: { help: 'show the values of keys such as password and token' },
}

const whole: Bounds = { text: Number.POSITIVE_INFINITY, parts: 1e9, depth: 200, nodes: 1e9 }

// What no key is like.
const nothing = /(?!)/

/** Which keys are hidden in this call. */
export function maskOf(call: Call): RegExp {
  return call.flag('reveal') ? nothing : defaultMask
}

/** Values for JSON, masked. */
export function valuesAsData(values: Readonly<Record<string, unknown>>, mask: RegExp): unknown {
  return dataOf(shown('', values, mask, whole))
}

/** What may be shown, as JSON can carry it: what JSON lacks is text, what is hidden is dots. */
export function dataOf({ type, text = '', parts, masked }: Shown): unknown {
  if (masked === true) return '••••••'
  if (parts !== undefined) {
    const keyed = type !== 'list' && type !== 'tuple' && type !== 'Set'
    return keyed
      ? Object.fromEntries(parts.map(([label, part]) => [label, dataOf(part)]))
      : parts.map(([, part]) => dataOf(part))
  }
  if (type === 'null') return null
  if (type === 'boolean') return text === 'true'
  return type === 'number' && Number.isFinite(Number(text)) ? Number(text) : text
}

/** Prints values, a line for each key. */
export function printValues(out: Output, values: Readonly<Record<string, unknown>>, mask: RegExp): void {
  printShown(out, shown('', values, mask, wide))
}

/** Prints what may be shown, a line for each part. */
export function printShown(out: Output, values: Shown): void {
  if (values.parts === undefined) {
    out.line('  ', line(values))
    return
  }
  for (const [label, part] of values.parts)
    out.line('  ', painted('bold', label), ' = ', line(part), painted('dim', `  ${part.type}`))
  if (values.more !== undefined) out.line(painted('dim', `  … ${values.more} more`))
  if (values.parts.length === 0) out.line(painted('dim', '  no values'))
}
