import { getIronSession, nodeCookies } from 'iron-session'
import { saved } from '../uses.js'
import { secret } from '../world.js'

const options = { cookieName: 'session', password: secret, cookieOptions: { secure: false } }

/** iron-session on a request and response of node:http. */
export const ironSession = {
  use: saved,
  session: (request, response) => getIronSession(nodeCookies(request, response), options),
}
