// All five examples, and the gallery that shows what they do: on this machine only, until Ctrl-C.
import { appNames, apps } from './apps.ts'
import { Gallery } from './gallery/gallery.ts'
import { endWhenAsked, listening, load } from './run.ts'

const host = '127.0.0.1'
endWhenAsked()

const gallery = new Gallery()
const { url } = await listening((...at) => gallery.server.listen(...at), host, 'PORT_GALLERY', 8000)
process.env.GALLERY_URL = url

const lines = [`The gallery   ${url}`]
for (const name of appNames) {
  const { title, framework, port } = apps[name]
  const { sessions, listen } = await load[name]()
  const { server, url } = await listening(listen, host, `PORT_${name.toUpperCase()}`, port)
  gallery.add(name, url, server, sessions)
  lines.push(`${title.padEnd(12)}  ${url}  (${framework})`)
}
console.log(`\n${lines.join('\n')}\n\nCtrl-C stops them all.`)
