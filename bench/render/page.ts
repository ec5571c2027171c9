import type { Plot } from './plots.ts'
import type { BenchName, RunData } from './run-data.ts'

const HEADINGS: Readonly<Record<BenchName, string>> = {
  connector: 'Connector',
  codec: 'MessagePack codec',
  queue: 'Queue: from a put to its ack, client included',
  server: 'Queue server, from inside',
  sizes: 'What a task takes up',
}

/** The report as Markdown; the plots lie beside it as `NAME.svg`. */
export function pageOf(data: RunData, plots: readonly Plot[]): string {
  const { info, printed } = data
  const sections = info.benches.map(({ name }) => {
    const parts = [`## ${HEADINGS[name]}`, ...(name === 'queue' ? durabilityOf(data) : [])]
    for (const plot of plots.filter(({ bench }) => bench === name)) {
      parts.push(`![${plot.title}](${plot.name}.svg)`, plot.about)
    }
    const text = printed[name]?.trimEnd() ?? ''
    if (text !== '') parts.push(`<details><summary>What it printed</summary>\n\n${fenced(text)}\n\n</details>`)
    return parts.join('\n\n')
  })
  const blocks = ['# What a run of the benchmarks printed', ...introOf(data), ...sections]
  return `${[...blocks, ...leftOutOf(data), ...commandsOf(data)].join('\n\n')}\n`
}

function introOf({ info, reports }: RunData): string[] {
  const lines: string[] = []
  if (info.isQuick) {
    lines.push('**This was a quick run: it shows that the benchmarks work, and its figures say little.**')
  }
  const [first] = Object.values(reports)
  const machine =
    first === undefined
      ? 'unknown'
      : `${first.machine.cpu}, ${first.machine.cores} cores, ${first.machine.memoryGiB} GiB`
  const versions: Record<string, string> = {}
  for (const report of Object.values(reports)) Object.assign(versions, report.versions)
  lines.push(
    [
      '| | |',
      '|---|---|',
      `| machine | ${machine}; servers and clients share it |`,
      `| began | ${info.startedAt.slice(0, 16).replace('T', ' ')} UTC |`,
      `| load before | ${info.loadBefore} processes on the average of a minute |`,
      ...Object.entries(versions).map(([name, version]) => `| ${name} | ${version} |`),
    ].join('\n'),
    'Figures are medians of rounds in which the subjects took turns. They are those of this machine at that moment; the ' +
      "ratios within one plot travel better. What each subject is and does stands in the [benchmarks' page](../README.md).",
  )
  return lines
}

function durabilityOf({ reports }: RunData): string[] {
  const durability = Object.entries(reports.queue?.durability ?? {})
  if (durability.length === 0) return []
  const rows = durability.map(([subject, text]) => `| \`${subject}\` | ${text} |`)
  return [['| subject | what a confirmed put outlives |', '|---|---|', ...rows].join('\n')]
}

function leftOutOf({ info, reports }: RunData): string[] {
  const failed = info.benches
    .filter(({ exitCode }) => exitCode !== 0)
    .map(({ name, exitCode }) => `${name} did not come to its end (exit code ${exitCode})`)
  const missing = Object.values(reports).flatMap(({ leftOut = [] }) => leftOut)
  const all = [...failed, ...missing]
  return all.length === 0 ? [] : ['## Left out', all.map((line) => `- ${line}`).join('\n')]
}

function commandsOf({ info }: RunData): string[] {
  const width = Math.max(...info.benches.map(({ command }) => command.length))
  const lines = info.benches.map(({ command, seconds }) => `${command.padEnd(width)}  # ${seconds} s`)
  return [
    '## How to repeat it',
    'All of it, with this page and its plots; `TARANTOOL_QUEUE_PATH` names the folder of a copy of tarantool/queue, and ' +
      'redis-server and PostgreSQL are installed:',
    fenced(`npm run bench -- all${info.isQuick ? ' --quick' : ''}`, 'sh'),
    'Which ran, one after the other:',
    fenced(lines.join('\n'), 'sh'),
  ]
}

function fenced(text: string, language = 'text'): string {
  return `\`\`\`${language}\n${text}\n\`\`\``
}
