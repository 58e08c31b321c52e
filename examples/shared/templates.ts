import path from 'node:path'
import { session } from 'hipflask/current'
import nunjucks from 'nunjucks'
import { type AppName, apps } from '../apps.ts'

const examples = path.resolve(import.meta.dirname, '../..')

/** The Jinja templates of one example: every value is escaped, and `session` is the visitor's in each of them. */
export function templates(name: AppName): nunjucks.Environment {
  const folders = [path.join(examples, name, 'templates'), path.join(examples, 'shared')]
  return new nunjucks.Environment(new nunjucks.FileSystemLoader(folders), { autoescape: true })
    .addGlobal('session', session)
    .addGlobal('app', apps[name])
    .addGlobal('gallery', process.env.GALLERY_URL)
}
