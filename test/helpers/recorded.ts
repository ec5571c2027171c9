import { readFileSync } from 'node:fs'

/** A packet of a recording: its bytes in hex, beside what they hold. */
export interface RecordedPacket {
  readonly header: Readonly<Record<string, number>>
  readonly body: Readonly<Record<string, unknown>> | null
  readonly bytes: string
}

export interface RecordedReply extends RecordedPacket {
  readonly type: 'OK' | 'ERROR' | 'CHUNK'
}

export interface RecordedRequest extends RecordedPacket {
  readonly request: string
  readonly replies?: readonly RecordedReply[]
}

export interface Recording {
  readonly server: string
  readonly greeting: string
  readonly requests: readonly RecordedRequest[]
}

export const RECORDINGS = ['2.11.9', '3.8.0', '3.8.0-names'] as const

/** One of `test/fixtures/iproto`; its README says how to read it. */
export function readRecording(name: (typeof RECORDINGS)[number]): Recording {
  const file = new URL(`../fixtures/iproto/${name}.json`, import.meta.url)
  // The file's shape is described beside it.
  const { server, greeting, exchanges } = JSON.parse(readFileSync(file, 'utf8')) as {
    server: string
    greeting: string
    exchanges: readonly (RecordedRequest | { event: unknown })[]
  }
  return { server, greeting, requests: exchanges.filter((exchange) => 'request' in exchange) }
}
