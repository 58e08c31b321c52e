import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import mysql from 'mysql2/promise'
import { freePort, locate, startProgram } from '../http/programs.js'

const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** A MariaDB in a new folder below `above`: `url`, `version`, `stop`; null where it is not installed. */
export async function startMariadb(above) {
  const program = locate('mariadbd', '/usr/sbin/mariadbd')
  if (program === null) return null
  const folder = path.join(above, 'mariadb')
  mkdirSync(folder)
  if (unprivileged.uid !== undefined) chownSync(folder, unprivileged.uid, unprivileged.gid)
  const data = `--datadir=${folder}/data`
  execFileSync(
    'mariadb-install-db',
    ['--no-defaults', data, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { cwd: folder, env: { ...process.env, TMPDIR: folder }, stdio: 'ignore', ...unprivileged },
  )
  const port = await freePort()
  const words = [
    ...[program, '--no-defaults', data, `--port=${port}`, '--bind-address=127.0.0.1'],
    ...[`--socket=${folder}/socket`, '--innodb-flush-log-at-trx-commit=2', '--innodb-buffer-pool-size=1G'],
    ...['--innodb-log-file-size=512M', '--max-allowed-packet=64M', `--tmpdir=${folder}`],
  ]
  let version = ''
  const running = await startProgram(words, {
    ...{ cwd: folder, ...unprivileged },
    ready: async () => {
      const connection = await mysql.createConnection({
        ...{ host: '127.0.0.1', port, user: 'root', connectTimeout: 2_000 },
      })
      try {
        version = (await connection.query('SELECT VERSION() AS version'))[0][0].version
        await connection.query('CREATE DATABASE IF NOT EXISTS bench CHARACTER SET utf8mb4')
        await connection.query("CREATE USER IF NOT EXISTS app@'%'")
        await connection.query("GRANT ALL ON bench.* TO app@'%'")
      } finally {
        connection.destroy()
      }
    },
  })
  return { ...running, url: `mysql://app@127.0.0.1:${port}/bench`, version }
}
