/** Why something failed, in a word: the code of an error or of what caused it, that it took too long, or an error's name. */
export function wordFor(error: Error): string {
  let at: unknown = error
  for (let depth = 0; depth < 5 && at instanceof Error; depth++) {
    const { code } = at as NodeJS.ErrnoException
    if (typeof code === 'string' && /^[\w-]{1,40}$/.test(code)) return code
    if (/time(?:d )?out|no answer within/i.test(at.message)) return 'no answer in time'
    at = at.cause
  }
  return error.name
}
