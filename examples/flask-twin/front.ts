// One site of two apps: what reads the session is TypeScript's, what logs in is Flask's. npm run example -- flask-twin
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { listening } from '../run.ts'
import { twin } from './app.ts'
import { startFlask } from './flask.ts'

const host = '127.0.0.1'

/** The half of the routes that Flask answers. */
const flasks = new Set(['GET /login', 'POST /login'])

const SECRET_KEY = process.env.SECRET_KEY || randomBytes(32).toString('base64url')
const flaskPort = await startFlask(SECRET_KEY)
const typescript = http.createServer(twin(SECRET_KEY)).listen(0, host)
await once(typescript, 'listening')
const { port: typescriptPort } = typescript.address() as { port: number }

const front = http.createServer((request, response) => {
  const { method = 'GET', url = '/', headers } = request
  const port = flasks.has(`${method} ${url.split('?', 1)[0]}`) ? flaskPort : typescriptPort
  const passed = http.request({ host, port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers)
    answer.pipe(response)
  })
  passed.once('error', () => response.destroy())
  request.pipe(passed)
})
const { url } = await listening((...at) => front.listen(...at), host, 'PORT', 8006)
console.log(`Flask twin, half Flask and half TypeScript: ${url} (listens on ${host}). Ctrl-C stops it.`)
