// Puts each example's news in its place. Without this script the page reloads itself.
const live = new EventSource('/events')

live.addEventListener('message', ({ data }) => {
  const { name, html } = JSON.parse(data)
  const panel = document.querySelector(`[data-live="${name}"]`)
  if (panel === null || panel.innerHTML === html) return
  panel.innerHTML = html
  panel.classList.remove('fresh')
  void panel.offsetWidth
  panel.classList.add('fresh')
})

live.addEventListener('error', () => {
  document.title = document.title.replace(
    /^(\(stopped\) )?/,
    live.readyState === EventSource.OPEN ? '' : '(stopped) ',
  )
})
live.addEventListener('open', () => {
  document.title = document.title.replace(/^\(stopped\) /, '')
})
