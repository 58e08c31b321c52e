// One example by itself: npm run example -- username
import { type AppName, appNames, apps } from './apps.ts'
import { endWhenAsked, giveUp, listening, load } from './run.ts'

const name = process.argv[2] as AppName | 'flask-twin'
if (name !== 'flask-twin' && !appNames.includes(name))
  giveUp(`Which example? npm run example -- ${appNames.join(' | ')} | flask-twin`)
endWhenAsked()

if (name === 'flask-twin') {
  await import('./flask-twin/front.ts')
} else {
  const { title, framework, host, port } = apps[name]
  const { listen } = await load[name]()
  const { url } = await listening(listen, host, 'PORT', port)
  console.log(`${title}, with ${framework}: ${url} (listens on ${host}). Ctrl-C stops it.`)
}
