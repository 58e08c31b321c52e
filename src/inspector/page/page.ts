import { baseScript } from './base-script.ts'
import { feedScript } from './feed-script.ts'
import { healthScript } from './health-script.ts'
import { raceScript } from './race-script.ts'
import { sessionsScript } from './sessions-script.ts'
import { style } from './style.ts'
import { whyScript } from './why-script.ts'

const panels: readonly (readonly [key: string, title: string])[] = [
  ['live', 'Live'],
  ['sessions', 'Sessions'],
  ['session', 'One session'],
  ['why', 'Why'],
  ['race', 'Race lab'],
  ['decoder', 'Decoder'],
  ['health', 'Health'],
]

const flask =
  '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><rect x="9" y="2.2" width="6" height="3" rx="1"/><path d="M10 5.2v2.3c0 .7-.4 1.1-1.1 1.5C6.5 10.3 5 12.7 5 15.600V19a2.800 2.800 0 0 0 2.800 2.800h8.400A2.800 2.800 0 0 0 19 19v-3.400c0-2.900-1.500-5.300-3.900-6.600-.7-.4-1.100-.8-1.100-1.500V5.200M5 14.500h14M9 18h6"/></svg>'

const script = `'use strict';(() => {
${baseScript}${feedScript}${sessionsScript}${whyScript}${raceScript}${healthScript}
say('', 'connecting …')
open()
watch()
})()`

// No line within is part of a text that spans lines, so what is only for readers of the source can stay here.
const lean = (code: string): string => code.replace(/^\s+/gm, '').replace(/^\/\/ .*\n/gm, '')
const leanStyle = lean(style)
const leanScript = lean(script)

/** The whole page. Nothing in it comes from a session: what it shows it asks for, with `token`; `nonce` lets its own script and style run. */
export function page(nonce: string, token: string): string {
  const links = panels.map(([key, title]) => `<a href="#/${key}" data-panel="${key}">${title}</a>`).join('')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="token" content="${token}">
<title>hipflask: sessions</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${leanStyle}</style>
</head>
<body>
<header>${flask}<strong>hipflask</strong><span class="soft">sessions</span><span id="status" role="status"></span>
<nav aria-label="Panels">${links}</nav></header>
<main tabindex="-1"><noscript>This page shows what happens while it happens, which takes JavaScript: allow it here, and reload.</noscript></main>
<footer>Keys: 1 to 7 choose a panel, / searches, p pauses.</footer>
<script nonce="${nonce}">${leanScript}</script>
</body>
</html>
`
}
