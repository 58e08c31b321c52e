/** One example: what it is called, where it listens, and what the gallery says about it. */
export interface About {
  readonly title: string
  readonly framework: string
  readonly port: number
  /** Where it listens when it runs alone; in the gallery all stay on this machine. */
  readonly host: string
  readonly lives: string
  readonly about: string
  /** The routes, in the order a visitor meets them. */
  readonly routes: readonly string[]
}

/** The five examples. Each has a cookie of its own, `<name>_session`: browsers do not separate cookies by port. */
export const apps = {
  username: {
    title: 'Username',
    framework: 'Express',
    port: 8004,
    host: '0.0.0.0',
    lives: 'The session lives in a file on this server and ends with your browser.',
    about:
      'Remembers one name per visitor and greets you with it. Before you send the form there is no session at all: no file, no cookie.',
    routes: ['GET /', 'POST /set_session'],
  },
  form: {
    title: 'Form',
    framework: 'Fastify',
    port: 5000,
    host: '127.0.0.1',
    lives: 'The session lives in a file on this server and ends with your browser.',
    about:
      'Carries the answers of a form from one page to the next. The second page is handed nothing: its template reads the session itself.',
    routes: ['GET /', 'POST /users', 'GET /show'],
  },
  lists: {
    title: 'Lists',
    framework: 'Hono',
    port: 8002,
    host: '127.0.0.1',
    lives: 'Everybody’s list lives in the memory of this server; yours in a session file.',
    about:
      'Puts a list that all visitors share beside a list that is yours alone. Open it in two browsers, add to both lists, and compare.',
    routes: ['GET, POST /', 'GET, POST /session'],
  },
  profile: {
    title: 'Profile',
    framework: 'Koa',
    port: 8003,
    host: '127.0.0.1',
    lives: 'The session lives in your browser: a cookie in Flask’s format, signed, for seven days.',
    about:
      'Logs you in with a cookie in the format of Flask: signed, so nobody can change it, but not encrypted. The server keeps nothing, and a Flask app with the same secret key could read along.',
    routes: ['GET, POST /login', 'GET /profile', 'GET /logout'],
  },
  login: {
    title: 'Login',
    framework: 'Express',
    port: 8005,
    host: '127.0.0.1',
    lives: 'The session lives in a file in flask_session/ and ends with your browser.',
    about:
      'Logs you in, and really out again: the file of the session is deleted, not emptied. Watch the store below when you do.',
    routes: ['GET /', 'GET, POST /login', 'GET /logout'],
  },
} as const satisfies Record<string, About>

export type AppName = keyof typeof apps

export const appNames = Object.keys(apps) as AppName[]
