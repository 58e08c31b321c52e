/** A place inside a value, as code spells it: `cart.items[2]["a b"]`. */
export function valuePath(root: string, steps: readonly (string | number)[]): string {
  return steps.reduce<string>((text, step) => text + spelled(step), root)
}

/** What an object is an instance of, for messages. */
export function className(value: object): string {
  return (value as { constructor?: { name?: string } }).constructor?.name || 'a class'
}

function spelled(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}
