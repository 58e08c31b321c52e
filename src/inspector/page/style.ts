/** The page's looks: one column, light and dark by the browser's wish, from 360 pixels up. */
export const style: string = /* css */ `
:root {
  color-scheme: light dark;
  --paper: #f6f4ef; --sheet: #fffefb; --sunk: #f0ede4; --ink: #22252b; --soft: #5d626c; --line: #ddd8cc;
  --accent: #0b6b62; --on-accent: #fff; --glow: #d9efe9;
  --good: #1b6e3c; --good-bg: #e0f1e4; --bad: #a8261b; --bad-bg: #fce6e1; --look: #8a5a00; --look-bg: #faecc8;
  --blue: #1f5a9e; --blue-bg: #e1ebf8; --violet: #6a3fa0; --violet-bg: #ece3f7;
  --mono: ui-monospace, 'Cascadia Mono', 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --sheet: #1d2024; --sunk: #16181b; --ink: #e9e7e1; --soft: #a4a8ae; --line: #34383e;
    --accent: #6fd0c1; --on-accent: #08211d; --glow: #173733;
    --good: #86d7a0; --good-bg: #17331f; --bad: #ff9d8f; --bad-bg: #3f1e1a; --look: #f0c36a; --look-bg: #372a10;
    --blue: #93bdf0; --blue-bg: #182b42; --violet: #c9a9f2; --violet-bg: #2e2140;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 0.9375rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif;
}
header, main, footer { width: min(100% - 2rem, 75rem); margin-inline: auto; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.75rem; padding-top: 1.25rem; }
header svg { width: 1.5rem; height: 1.5rem; color: var(--accent); flex: none; }
header strong { font-weight: 650; letter-spacing: -0.01em; font-size: 1.0625rem; }
#status { margin-left: auto; display: flex; align-items: center; gap: 0.5rem; color: var(--soft); font-size: 0.8125rem; }
#status i { width: 0.5rem; height: 0.5rem; border-radius: 50%; background: var(--look); }
#status.on i { background: var(--good); animation: pulse 2.4s infinite; }
#status.off i { background: var(--bad); }
@keyframes pulse { 50% { opacity: 0.35; } }
nav { width: 100%; display: flex; gap: 0.125rem; overflow-x: auto; border-bottom: 1px solid var(--line); margin-top: 0.5rem; scrollbar-width: none; }
nav a { padding: 0.625rem 0.875rem; color: var(--soft); text-decoration: none; white-space: nowrap; border-bottom: 2px solid transparent; margin-bottom: -1px; }
nav a:hover { color: var(--ink); }
nav a[aria-current] { color: var(--accent); border-color: var(--accent); font-weight: 600; }
main { padding-block: 1.5rem 3rem; outline: none; }
footer { padding-block: 0 2rem; color: var(--soft); font-size: 0.8125rem; }
h1 { margin: 0 0 0.25rem; font-size: 1.5rem; line-height: 1.2; letter-spacing: -0.015em; font-weight: 650; }
h2 { margin: 0 0 0.75rem; font-size: 1rem; font-weight: 650; }
p { margin: 0 0 0.75rem; }
.lead { color: var(--soft); max-width: 48rem; margin-bottom: 1.25rem; }
.soft { color: var(--soft); }
.small { font-size: 0.8125rem; }
code, pre, .mono { font-family: var(--mono); font-size: 0.875em; }
code { background: var(--sunk); padding: 0.1em 0.3em; border-radius: 0.25rem; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 0.25rem; }
main:focus-visible { outline: none; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1.125rem 1.25rem; margin-bottom: 1rem; }
.sheet > :last-child { margin-bottom: 0; }
.bar { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin-bottom: 0.875rem; }
.two { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); align-items: start; }
.two > .sheet { margin: 0; }
.columns { columns: 26rem 2; column-gap: 1rem; }
.columns > .sheet { break-inside: avoid; }
.split { display: grid; gap: 1rem; align-items: start; }
@media (min-width: 60rem) { .split { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); } }
.split .sheet { margin-bottom: 1rem; }
button, input, select, textarea { font: inherit; color: inherit; }
button, .button {
  display: inline-block; padding: 0.375rem 0.875rem; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--sheet); cursor: pointer; text-decoration: none; color: var(--ink);
}
button:hover, .button:hover { border-color: var(--accent); }
button[aria-disabled] { opacity: 0.55; cursor: default; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button.danger { color: var(--bad); }
button.danger:hover { border-color: var(--bad); }
button.slim { padding: 0.125rem 0.5rem; font-size: 0.8125rem; white-space: nowrap; }
button[aria-pressed='true'] { background: var(--glow); border-color: var(--accent); color: var(--accent); }
input, select, textarea { padding: 0.375rem 0.625rem; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--sheet); min-width: 0; max-width: 100%; }
textarea { width: 100%; min-height: 6.5rem; font-family: var(--mono); font-size: 0.8125rem; resize: vertical; }
label { color: var(--soft); font-size: 0.8125rem; }
.grow { flex: 1 1 12rem; }
.chip { display: inline-block; padding: 0 0.5rem; border-radius: 1rem; font-size: 0.75rem; line-height: 1.375rem; white-space: nowrap; background: var(--sunk); color: var(--soft); }
.chip.good, .tone-good { color: var(--good); } .chip.good { background: var(--good-bg); }
.chip.bad, .tone-bad { color: var(--bad); } .chip.bad { background: var(--bad-bg); }
.chip.look, .tone-look { color: var(--look); } .chip.look { background: var(--look-bg); }
.chip.blue { color: var(--blue); background: var(--blue-bg); }
.chip.violet { color: var(--violet); background: var(--violet-bg); }
ol.feed { list-style: none; margin: 0; padding: 0; background: var(--sheet); border: 1px solid var(--line); border-radius: 0.75rem; overflow: hidden; }
ol.feed > li + li { border-top: 1px solid var(--line); }
ol.feed .row { display: grid; grid-template-columns: 6.25rem minmax(8rem, 1.1fr) minmax(10rem, 1.5fr) minmax(7rem, 0.8fr) 4.75rem 6rem 4.5rem; gap: 0.25rem 0.75rem; align-items: baseline; padding: 0.4375rem 1rem; color: inherit; text-decoration: none; }
ol.feed a.row:hover { background: var(--sunk); }
ol.feed a.row:focus-visible { outline-offset: -2px; }
ol.feed .n { text-align: right; color: var(--soft); font-variant-numeric: tabular-nums; font-size: 0.8125rem; }
ol.feed .head { font-size: 0.75rem; color: var(--soft); background: var(--sunk); }
ol.feed .fresh { animation: fresh 1.6s; }
@keyframes fresh { from { background: var(--glow); } }
.chips { display: flex; flex-wrap: wrap; gap: 0.25rem; }
@media (max-width: 52rem) {
  ol.feed .head { display: none; }
  ol.feed .row { grid-template-columns: 1fr auto auto auto; }
  ol.feed .row > :nth-child(1) { order: 2; grid-column: 1; font-size: 0.75rem; color: var(--soft); }
  ol.feed .row > :nth-child(2) { order: 0; grid-column: 1 / -1; font-weight: 600; }
  ol.feed .row > :nth-child(3) { order: 1; grid-column: 1 / -1; }
  ol.feed .row > :nth-child(4) { display: none; }
  ol.feed .row > .n { order: 3; }
}
table { width: 100%; border-collapse: collapse; }
th, table.said td { overflow-wrap: break-word; }
th { text-align: left; font-weight: 600; font-size: 0.75rem; color: var(--soft); }
th button { border: 0; background: none; padding: 0.25rem 0; font: inherit; color: inherit; }
th[aria-sort] button { color: var(--accent); }
th, td { padding: 0.4375rem 0.75rem 0.4375rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
td code { white-space: nowrap; }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (max-width: 52rem) {
  table.cards thead { position: absolute; left: -999rem; }
  table.cards tr { display: grid; grid-template-columns: 1fr 1fr; gap: 0.125rem 1rem; padding: 0.75rem 0; border-bottom: 1px solid var(--line); }
  table.cards tr:last-child { border-bottom: 0; }
  table.cards td { border: 0; padding: 0; }
  table.cards td[data-label]::before { content: attr(data-label); display: block; font-size: 0.75rem; color: var(--soft); }
  table.cards td.wide { grid-column: 1 / -1; }
}
td:first-child strong { white-space: nowrap; font-weight: 600; }
@media (max-width: 32rem) { th, td { padding-right: 0.4375rem; } .meter { min-width: 2.5rem; } table.said td { display: inline-block; border: 0; padding: 0 0.5rem 0 0; } table.said td:last-child { display: block; padding-bottom: 0.625rem; } }
.meter { height: 0.375rem; border-radius: 1rem; background: var(--sunk); overflow: hidden; min-width: 4rem; margin-top: 0.3125rem; box-shadow: inset 0 0 0 1px var(--line); }
.meter i { display: block; height: 100%; background: var(--accent); border-radius: 1rem; width: calc(var(--part) * 100%); }
.meter.low i { background: var(--look); }
dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.3125rem 1.25rem; margin: 0; }
dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; unicode-bidi: isolate; }
@media (max-width: 32rem) { dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: 0.5rem; } }
.tree { font-family: var(--mono); font-size: 0.8125rem; line-height: 1.6; }
.tree .tree { padding-left: 1.125rem; border-left: 1px solid var(--line); margin-left: 0.3125rem; }
.tree summary { cursor: pointer; width: fit-content; max-width: 100%; }
.tree .leaf { padding-left: 0.0625rem; }
.tree .key { color: var(--blue); unicode-bidi: isolate; } .tree .val { unicode-bidi: isolate; white-space: pre-wrap; }
.tree .kind, ul.diff .kind { color: var(--soft); font-size: 0.6875rem; margin-left: 0.5rem; font-family: system-ui, sans-serif; }
pre { background: var(--sunk); border-radius: 0.5rem; padding: 0.75rem; margin: 0 0 0.75rem; white-space: pre-wrap; max-height: 20rem; overflow: auto; unicode-bidi: isolate; }
ol.steps { list-style: none; margin: 0; padding: 0; }
ol.steps > li { position: relative; padding: 0 0 1.125rem 2.25rem; }
ol.steps > li:last-child { padding-bottom: 0; }
ol.steps > li::before { content: attr(data-mark); position: absolute; left: 0; top: 0; width: 1.5rem; height: 1.5rem; line-height: 1.5rem; border-radius: 50%; text-align: center; font-size: 0.8125rem; font-weight: 700; background: var(--sunk); color: var(--soft); }
ol.steps > li::after { content: ''; position: absolute; left: 0.71875rem; top: 1.625rem; bottom: 0.125rem; width: 1px; background: var(--line); }
ol.steps > li:last-child::after { display: none; }
ol.steps > li.good::before { background: var(--good-bg); color: var(--good); }
ol.steps > li.bad::before { background: var(--bad-bg); color: var(--bad); }
ol.steps > li.look::before { background: var(--look-bg); color: var(--look); }
ol.steps strong { display: block; font-weight: 600; }
ul.diff { list-style: none; margin: 0.25rem 0 0; padding: 0; font-family: var(--mono); font-size: 0.8125rem; }
ul.diff li { padding: 0.125rem 0.5rem; border-left: 3px solid var(--line); margin-bottom: 0.25rem; }
ul.diff .add { border-color: var(--good); } ul.diff .del { border-color: var(--bad); } ul.diff .mod { border-color: var(--blue); } ul.diff .theirs { border-color: var(--violet); }
ul.diff s { color: var(--soft); text-decoration-color: var(--bad); } ul.diff span { unicode-bidi: isolate; white-space: pre-wrap; }
.calls { display: grid; grid-template-columns: max-content 1fr max-content; gap: 0.25rem 0.75rem; align-items: center; font-size: 0.8125rem; }
.calls .meter { margin: 0; }
.calls .bad i { background: var(--bad); }
ul.plain { list-style: none; margin: 0; padding: 0; } ul.plain li + li { margin-top: 0.625rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.75rem; margin-bottom: 1rem; }
.tiles .sheet { margin: 0; padding: 0.875rem 1rem; } .tiles b { display: block; font-size: 1.375rem; font-weight: 650; letter-spacing: -0.01em; line-height: 1.3; }
.note { padding: 0.625rem 0.875rem; border-radius: 0.5rem; background: var(--look-bg); color: var(--look); margin-bottom: 1rem; }
.note.bad { background: var(--bad-bg); color: var(--bad); }
.empty { padding: 2.5rem 1.25rem; text-align: center; color: var(--soft); }
dialog { border: 1px solid var(--line); border-radius: 0.75rem; background: var(--sheet); color: var(--ink); max-width: 28rem; padding: 1.5rem; }
dialog::backdrop { background: rgb(0 0 0 / 45%); }
dialog .bar { margin: 1.25rem 0 0; justify-content: flex-end; }
fieldset { border: 1px solid var(--line); border-radius: 0.625rem; padding: 0.625rem 0.875rem 0.875rem; margin: 0; min-width: 0; background: var(--sheet); }
legend { padding: 0 0.375rem; font-weight: 650; }
legend i, .who { display: inline-grid; place-items: center; width: 1.375rem; height: 1.375rem; border-radius: 50%; font-style: normal; font-size: 0.75rem; font-weight: 700; margin-right: 0.375rem; }
.who-a { background: var(--blue-bg); color: var(--blue); } .who-b { background: var(--violet-bg); color: var(--violet); }
.deed { display: flex; flex-wrap: wrap; gap: 0.5rem; } .deed > * { flex: 1 1 6rem; }
.race { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); margin-top: 1rem; }
.race .sheet { margin: 0; padding: 1rem; display: flex; flex-direction: column; }
.race h2 { margin: 0; } .race p { margin: 0 0 0.5rem; }
.race svg { width: 100%; height: auto; display: block; }
.verdict { margin: auto -1rem -1rem !important; padding: 0.875rem 1.125rem; border-radius: 0 0 0.6875rem 0.6875rem; font-weight: 600; display: flex; gap: 0.625rem; align-items: baseline; }
.verdict.good { background: var(--good-bg); color: var(--good); } .verdict.bad { background: var(--bad-bg); color: var(--bad); }
svg text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; fill: var(--ink); }
svg .mono { font-family: var(--mono); } svg .soft { fill: var(--soft); }
svg .lane { stroke: var(--line); stroke-width: 2; } svg .store { stroke: var(--line); stroke-width: 6; stroke-linecap: round; }
svg .life-a { fill: var(--blue-bg); } svg .life-b { fill: var(--violet-bg); } svg .name-a { fill: var(--blue); } svg .name-b { fill: var(--violet); }
svg .deed-a { fill: var(--sheet); stroke: var(--blue); } svg .deed-b { fill: var(--sheet); stroke: var(--violet); }
svg .arrow { fill: none; stroke-width: 1.75; } svg .head { stroke: none; }
svg .read { stroke: var(--soft); } svg .read-head { fill: var(--soft); } svg .good { stroke: var(--good); } svg .good-head { fill: var(--good); }
svg .bad { stroke: var(--bad); } svg .bad-head { fill: var(--bad); } svg .look { stroke: var(--look); } svg .look-head { fill: var(--look); }
svg .fill-good { fill: var(--good); } svg .fill-bad { fill: var(--bad); } svg .fill-look { fill: var(--look); }
svg .state { fill: var(--sheet); stroke: var(--line); stroke-width: 1.25; } svg .state.good { fill: var(--good-bg); stroke: var(--good); } svg .state.bad { fill: var(--bad-bg); stroke: var(--bad); }
svg.first .step { animation: appear 0.35s both; animation-delay: calc(var(--i) * 0.16s); }
@keyframes appear { from { opacity: 0; } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`
