/** CPython's own limit (sys.get_int_max_str_digits), beyond which it neither reads nor writes an int. */
export const MAX_DIGITS = 4300

/** Python's text of a JavaScript number: integral ones are ints there, others floats. */
export function numberText(value: number): string {
  if (Number.isSafeInteger(value)) return String(value) // -0 is '0' here
  return Number.isInteger(value) ? BigInt(value).toString() : floatText(value)
}

/** Python's `repr` of a float, with JSON's names for NaN and the infinities. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const [mantissa = '', power] = value.toExponential().split('e')
  const exponent = Number(power)
  const sign = Object.is(value, -0) || value < 0 ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}
