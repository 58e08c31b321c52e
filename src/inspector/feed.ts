import type { Entry, Watch } from './watch.ts'

/** How many pages may watch at the same time. */
const mostViewers = 20
/** Entries a viewer may lag behind before some are left out. */
const longestQueue = 400
/** Milliseconds between two deliveries, so that a busy app does not drown a page. */
const beat = 150
const beatsOfSilence = 100

/** A stream of server-sent events that never ends by itself: what is remembered, then what happens; null when too many watch. */
export function feed(watch: Watch, greeting: object): ReadableStream<Uint8Array> | null {
  if (watch.viewers >= mostViewers) return null
  let leave = (): void => undefined
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const encoder = new TextEncoder()
      let queue: Entry[] = []
      let missed = 0
      let silence = 0
      const send = (text: string): void => controller.enqueue(encoder.encode(text))
      const deliver = (): void => {
        // A page that does not read keeps nothing here but its bounded queue.
        if ((controller.desiredSize ?? 0) < -20) return
        if (queue.length > 0 || missed > 0) {
          send(`data: ${JSON.stringify({ entries: queue, missed })}\n\n`)
          ;[queue, missed, silence] = [[], 0, 0]
        } else if (++silence % beatsOfSilence === 0) send(':\n\n')
      }
      const leaveWatch = watch.join((entry) => {
        queue.push(entry)
        if (queue.length <= longestQueue) return
        queue.shift()
        missed++
      })
      const beating = setInterval(deliver, beat).unref()
      leave = () => {
        clearInterval(beating)
        leaveWatch()
      }
      send(
        `data: ${JSON.stringify({ ...greeting, since: watch.since, entries: watch.entries, missed: 0 })}\n\n`,
      )
    },
    cancel: () => leave(),
  })
}
