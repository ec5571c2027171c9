import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { headingLine, stackedBar, tubeLine } from '../../examples/campaign/bar-text.ts'
import type { TubeProgress } from '../../examples/campaign/progress.ts'
import { LinesView } from '../../examples/campaign/view-lines.ts'

const IOS: TubeProgress = {
  tube: 'ios',
  planned: 100,
  delayed: 50,
  ready: 10,
  taken: 10,
  done: 30,
  perSecond: 12.4,
  lateness: { p50: 3, p99: 41 },
}

describe('a bar', () => {
  test('shows each state by its share of the planned pushes', () => {
    expect(stackedBar(IOS, 10)).toBe('███▓▒░░░░░')
  })

  test('is blank where nothing is put yet', () => {
    expect(stackedBar({ ...IOS, delayed: 20, ready: 0, taken: 0, done: 0 }, 10)).toBe('░░        ')
  })

  test('keeps its width whatever the figures are', () => {
    for (const done of [0, 1, 33, 99, 100, 250]) {
      for (const width of [0, 1, 7, 60]) expect(stackedBar({ ...IOS, done }, width)).toHaveLength(width)
    }
  })

  test('of a tube without pushes is blank', () => {
    expect(stackedBar({ ...IOS, planned: 0, delayed: 0, ready: 0, taken: 0, done: 0 }, 4)).toBe('    ')
  })
})

describe('a line of the terminal', () => {
  test('has its numbers under their headings', () => {
    const heading = headingLine('2026-11-22 03:30 UTC', 100)
    const line = tubeLine(IOS, 100)
    for (const [title, number] of [
      ['delayed', '50'],
      ['ready', '10'],
      ['taken', '10'],
      ['done', '30'],
      ['per s', '12'],
      ['late p50', '3'],
      ['p99 ms', '41'],
    ] as const) {
      const end = heading.indexOf(title) + title.length
      expect(line.slice(0, end).endsWith(` ${number}`)).toBe(true)
    }
  })

  test('never reaches the right edge', () => {
    for (const width of [0, 10, 40, 80, 81, 200]) {
      expect(headingLine('2026-11-22 03:30 UTC', width).length).toBeLessThanOrEqual(Math.max(width - 1, 0))
      expect(tubeLine(IOS, width).length).toBeLessThanOrEqual(Math.max(width - 1, 0))
    }
  })
})

describe('plain lines', () => {
  test('are one a tube, with all figures and without control codes', () => {
    const stream = new PassThrough({ encoding: 'utf8' })
    const view = new LinesView(stream)
    view.note('the queue server is killed')
    view.show({
      campaignTime: Date.parse('2026-11-22T03:30:00Z'),
      tubes: [IOS, { ...IOS, tube: 'android', lateness: undefined }],
    })
    view.close()
    expect(stream.read()).toBe(
      'the queue server is killed\n' +
        '2026-11-22 03:30 UTC  ios: delayed 50, ready 10, taken 10, done 30 of 100, 12/s, late p50 3 ms, p99 41 ms\n' +
        '2026-11-22 03:30 UTC  android: delayed 50, ready 10, taken 10, done 30 of 100, 12/s\n',
    )
  })
})
