import { randomBytes } from '../lib/random.ts'
import type { Command } from './command.ts'
import { painted } from './output.ts'

/** `secret`: a new key. */
export const secret: Command = {
  summary: 'a new secret key, and where to put it',
  usage: '',
  options: { env: { help: 'as a line for a .env file' } },
  examples: ['npx hipflask secret', 'npx hipflask secret --env >> .env'],
  async run(call) {
    call.atMost(0)
    const key = randomBytes(32).toString('base64url')
    if (call.out.json) call.out.data({ secret: key, bytes: 32 })
    else call.out.line(call.flag('env') ? `HIPFLASK_SECRET=${key}` : key)
    if (call.out.json || call.flag('env')) return 0
    call.out.note(
      painted(
        'dim',
        'Put it into the environment of the app, not into its code: HIPFLASK_SECRET=… (with Flask: SECRET_KEY=…), and pass it on:',
      ),
    )
    call.out.note(painted('dim', '  sealedCookie({ secret: process.env.HIPFLASK_SECRET! })'))
    call.out.note(
      painted('dim', 'To change it later, give the old one in `fallbacks` until its sessions are over.'),
    )
    return 0
  },
}
