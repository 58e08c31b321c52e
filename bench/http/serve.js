/*
 * One measured server in a process of its own: `node serve.js PLACE` (JSON, a line of the table in places.js). It tells
 * its parent the port, and answers its questions: what it has used so far, and to write slowly from now on.
 */
import { asked } from './pages.js'
import { slowDown, statements } from './world.js'

const place = JSON.parse(process.argv[2])
const { serve } = await import(`./servers/${place.framework}.js`)
const server = await serve(place)
if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
server.keepAliveTimeout = 600_000

process.on('message', (question) => {
  if (question.slow !== undefined) return void process.send({ answer: slowDown(question.slow) })
  const { user, system } = process.cpuUsage()
  process.send({
    answer: {
      cpu: user + system,
      at: performance.now() * 1000,
      requests: asked.requests,
      rss: process.memoryUsage.rss(),
      statements: statements.sent,
    },
  })
})
process.once('disconnect', () => process.exit())
process.send({ port: server.address().port })
