import { strictEqual } from 'node:assert'

/** What every measured session holds: six keys, 300 bytes of JSON. The token is as random as a real one, so it hardly compresses. */
export const values = {
  user: 'ann',
  theme: 'dark',
  locale: 'en-GB',
  visits: 12,
  cart: ['a', 'b', 'c'],
  token:
    'q7Zr1Tk9Ys3Lb6Hd0Fg5JcApW8m2N4xQv-Ue3Vi_oK2nXw9Gt4Ry8Ma1Sz6Bf0Dh5Pj7Lc3EqU4k9TvW2yN8mR1xZ6gJ5bH0sFaDpQo7' +
    'Ci3Ke9Vl2Xt4Uw8Yn1Mr6Gz5Bj0Hs-Fa_Dp7Qo3Ci9Ke2Vl4Xt8Uw1Yn6Mr5Gz0Bj7Hs3Fa9Dp2Qo4Ci8Ke1Vl6Xt5Uw0Yn7Mr3Gz9B4kW',
}
strictEqual(JSON.stringify(values).length, 300)

/** What an app makes of the six keys: the body of a page that reads the session. */
export function page(user, theme, locale, visits, cart, token) {
  return `${user} ${theme} ${locale} ${visits} ${cart.length} ${token.length}`
}

/** The body of a page that reads no session; as long as the one that does. */
export const plainPage = 'no session was touched.'

/** The page of the values above. */
export const fullPage = page(...Object.values(values))

/** The page of a visitor without a session. */
export const emptyPage = 'nobody'
