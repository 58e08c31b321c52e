/** A bar with the time left on a terminal; elsewhere one line whenever the stage changes. */
export class Progress {
  #total
  #done = 0
  #start = performance.now()
  #stage = ''

  constructor(total) {
    this.#total = total
  }

  stage(name) {
    this.#stage = name
    if (!process.stdout.isTTY) console.log(`${this.#line()} ${name}`)
    else this.#draw()
  }

  /** Another so many units (milliseconds, as planned) are done. */
  step(units) {
    this.#done = Math.min(this.#total, this.#done + units)
    if (process.stdout.isTTY) this.#draw()
  }

  /** A line that stays. */
  say(text) {
    if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
    console.log(text)
  }

  end() {
    if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
    console.log(`measured in ${clock(performance.now() - this.#start)}`)
  }

  #line() {
    const share = this.#total === 0 ? 1 : this.#done / this.#total
    const spent = performance.now() - this.#start
    const left = share === 0 ? this.#total : (spent / share) * (1 - share)
    const filled = Math.round(share * 24)
    const bar = '█'.repeat(filled) + '░'.repeat(24 - filled)
    return `${bar} ${String(Math.round(share * 100)).padStart(3)} %  ${clock(left)} left `
  }

  #draw() {
    process.stdout.write(`\r\x1b[K${this.#line()} ${this.#stage}`.slice(0, process.stdout.columns ?? 200))
  }
}

function clock(milliseconds) {
  const seconds = Math.round(milliseconds / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
