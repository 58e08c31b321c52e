/** What is signed: text (signed as UTF-8) or bytes; the answer has the same form. */
export type Signable = string | Uint8Array

/** The form of an answer: text for text, bytes for bytes. */
export type Same<T extends Signable> = T extends string ? string : Uint8Array

/** How text stands for bytes: as UTF-8, or (`latin1`, where bytes were given) one character for each. */
export type TextForm = 'utf8' | 'latin1'

/** The form in which a value is handled. */
export function formOf(value: Signable): TextForm {
  return typeof value === 'string' ? 'utf8' : 'latin1'
}

/** A value as text in its form. */
export function toText(value: Signable): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('latin1')
}

/** Text in the form that a value was given in. */
export function fromText<T extends Signable>(text: string, form: TextForm): Same<T> {
  return (form === 'utf8' ? text : new Uint8Array(Buffer.from(text, 'latin1'))) as Same<T>
}
