import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { CsvProblem } from '../../examples/campaign/csv-rows.ts'
import { InputError } from '../../examples/campaign/input-error.ts'
import { recipientsCsv } from '../../examples/campaign/make-recipients.ts'
import { parseRecipients, type Recipient, readRecipients } from '../../examples/campaign/recipients.ts'
import { ZONE_WEIGHTS } from '../../examples/campaign/zone-weights.ts'

const SHIPPED = new URL('../../examples/campaign/data/recipients.csv', import.meta.url)

async function parse(...chunks: string[]): Promise<{ recipients: Recipient[]; problems: CsvProblem[] }> {
  const problems: CsvProblem[] = []
  const recipients = await parseRecipients(chunks, (problem) => problems.push(problem))
  return { recipients, problems }
}

async function temporaryFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'recipients.csv'), text)
  return join(folder, 'recipients.csv')
}

describe('reading recipients', () => {
  test('a row becomes a recipient', async () => {
    const { recipients, problems } = await parse('id,platform,zone,token\nu1,ios,Europe/Berlin,abc\n')
    expect(recipients).toEqual([{ id: 'u1', platform: 'ios', zone: 'Europe/Berlin', token: 'abc' }])
    expect(problems).toEqual([])
  })

  test('each kind of bad row is reported with its line number, and the good rows around it are kept', async () => {
    const { recipients, problems } = await parse(
      [
        'id,platform,zone,token',
        'u2,ios,Asia/Tokyo,t',
        'u3,ios,Asia/Tokyo',
        'u4,ios,Asia/Tokyo,t,more',
        'u5,windows,Asia/Tokyo,t',
        'u6,ios,Mars/Olympus,t',
        'u7,ios,+09:00,t',
        ',ios,Asia/Tokyo,t',
        'u9,ios,Asia/Tokyo,',
        'u2,android,Asia/Tokyo,t',
        'u11,"ios,Asia/Tokyo,t',
        'u12,io"s,Asia/Tokyo,t',
        'u13,android,Asia/Kolkata,t',
      ].join('\n'),
    )
    expect(recipients.map(({ id }) => id)).toEqual(['u2', 'u13'])
    expect(problems).toEqual([
      { line: 3, problem: 'expected 4 columns, found 3' },
      { line: 4, problem: 'expected 4 columns, found 5' },
      { line: 5, problem: 'platform "windows" is none of ios, android' },
      { line: 6, problem: 'zone "Mars/Olympus" is not a known IANA time zone' },
      { line: 7, problem: 'zone "+09:00" is not a known IANA time zone' },
      { line: 8, problem: 'id is empty' },
      { line: 9, problem: 'token is empty' },
      { line: 10, problem: 'id "u2" is there twice' },
      { line: 11, problem: 'a quotation mark is not closed' },
      { line: 12, problem: 'quotation marks are wrong (INVALID_OPENING_QUOTE)' },
    ])
  })

  test('two lost quotation marks do not swallow the rows between them', async () => {
    const { recipients, problems } = await parse('u1,ios,"Asia/Tokyo,t\nu2,ios,Asia/Tokyo,t\nu3,ios,Asia/Tokyo",t\n')
    expect(recipients.map(({ id }) => id)).toEqual(['u2'])
    expect(problems.map(({ line }) => line)).toEqual([1, 3])
  })

  test('empty lines count for line numbers and are no bad rows', async () => {
    const { recipients, problems } = await parse('id,platform,zone,token\n\n  \nu1,ios,Asia/Tokyo,t\n\nu2,ios\n\n')
    expect(recipients).toHaveLength(1)
    expect(problems).toEqual([{ line: 6, problem: 'expected 4 columns, found 2' }])
  })

  test('carriage returns, a byte order mark, quotes and spaces around cells are understood', async () => {
    const { recipients } = await parse('\uFEFFid,platform,zone,token\r\n"u,1", IOS ,"Asia/Tokyo","say ""hi"""\r\n')
    expect(recipients).toEqual([{ id: 'u,1', platform: 'ios', zone: 'Asia/Tokyo', token: 'say "hi"' }])
  })

  test('the header may order the columns otherwise, add some and call the zone timezone', async () => {
    const { recipients, problems } = await parse('token,name,timezone,id,platform\nt1,Ann,Asia/Tokyo,u1,android\n')
    expect(recipients).toEqual([{ id: 'u1', platform: 'android', zone: 'Asia/Tokyo', token: 't1' }])
    expect(problems).toEqual([])
  })

  test('a file without a header is read in the usual order', async () => {
    expect((await parse('u1,ios,Asia/Tokyo,t\nu2,ios,Asia/Tokyo,t')).recipients).toHaveLength(2)
  })

  test('it does not matter where the text is cut into chunks', async () => {
    const text = '\uFEFFid,platform,zone,token\r\nu1,ios,Asia/Tokyo,t\r\nbad\r\n\r\nu2,"android",Europe/Kyiv,t'
    const whole = await parse(text)
    expect(whole.problems).toEqual([{ line: 3, problem: 'expected 4 columns, found 1' }])
    for (let cut = 0; cut <= text.length; cut++) expect(await parse(text.slice(0, cut), text.slice(cut))).toEqual(whole)
    expect(await parse(...text.split(/(?:)/))).toEqual(whole)
  })

  test('a line without end is one bad row and does not fill the memory', async () => {
    // More than the longest string that there can be.
    const chunks = Array.from({ length: 10_000 }, () => 'x'.repeat(65_536))
    const { recipients, problems } = await parse('u1,ios,Asia/Tokyo,t\n', ...chunks, '\nu2,ios,Asia/Tokyo,t\n')
    expect(recipients.map(({ id }) => id)).toEqual(['u1', 'u2'])
    expect(problems).toEqual([{ line: 2, problem: 'longer than 65536 characters' }])
  })

  test('what a bad row says cannot steer the terminal', async () => {
    const { problems } = await parse(`u1,ios,\u001b[2J\u009b${'x'.repeat(1_000)},t`)
    expect(problems[0]?.problem).toMatch(/^zone "\\u001b\[2J\?x{30,40}…" is not/)
  })

  test('a missing file and a file without a usable row are errors in a sentence', async () => {
    await expect(readRecipients('/nowhere/at-all.csv', () => {})).rejects.toThrow(InputError)
    await expect(readRecipients('/nowhere/at-all.csv', () => {})).rejects.toThrow(
      /cannot read \/nowhere\/at-all.csv: ENOENT/,
    )
    const file = await temporaryFile('id,platform,zone,token\nbad\n')
    await expect(readRecipients(file, () => {})).rejects.toThrow(/no usable row/)
  })
})

describe('the recipients that the repository ships', () => {
  test('are what the committed script makes', async () => {
    expect(await readFile(SHIPPED, 'utf8')).toBe(recipientsCsv(10_000))
  })

  test('are 10 000 usable rows in every zone of the list', async () => {
    const problems: CsvProblem[] = []
    const recipients = await readRecipients(SHIPPED.pathname, (problem) => problems.push(problem))
    expect(problems).toEqual([])
    expect(recipients).toHaveLength(10_000)
    expect(new Set(recipients.map(({ zone }) => zone))).toEqual(new Set(Object.keys(ZONE_WEIGHTS)))
  })
})
