import { describe, expect, test } from 'vitest'
import { InputError } from '../../examples/campaign/input-error.ts'
import { type CampaignOptions, parseOptions } from '../../examples/campaign/options.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

function parse(...args: string[]): CampaignOptions | 'help' {
  return parseOptions(args, NOW, '/home/me')
}

describe('the options', () => {
  test('have defaults: the shipped recipients, tomorrow, a day in 20 seconds', () => {
    expect(parse()).toEqual({
      recipientsFile: expect.stringMatching(/examples\/campaign\/data\/recipients\.csv$/),
      daySeconds: 20,
      date: '2026-11-22',
      concurrency: 64,
      killServer: false,
      dataDir: undefined,
      json: false,
    })
  })

  test('are read', () => {
    const args =
      '--recipients r.csv --day-seconds 2.5 --date 2026-03-29 --concurrency 8 --data-dir d --kill-server --json'
    expect(parse(...args.split(' '))).toEqual({
      recipientsFile: '/home/me/r.csv',
      daySeconds: 2.5,
      date: '2026-03-29',
      concurrency: 8,
      killServer: true,
      dataDir: '/home/me/d',
      json: true,
    })
  })

  test.each(['--help', '-h'])('%s asks for the help', (flag) => {
    expect(parse(flag, '--json')).toBe('help')
  })

  test.each([
    ['--day-seconds', '0'],
    ['--day-seconds', 'ten'],
    ['--day-seconds', ''],
    ['--day-seconds', 'Infinity'],
    ['--concurrency', '1.5'],
    ['--concurrency', '0'],
    ['--date', '22.11.2026'],
    ['--date', '2026-02-30'],
    ['--date', '2026-13-01'],
  ])('%s %j is refused in a sentence that names the option', (name, value) => {
    expect(() => parse(name, value)).toThrow(InputError)
    expect(() => parse(name, value)).toThrow(name)
  })

  test.each([[['--speed', '3']], [['file.csv']], [['--recipients']], [['--json=yes']]])('%j is refused', (args) => {
    expect(() => parse(...args)).toThrow(InputError)
  })
})
