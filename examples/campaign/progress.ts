import type { Platform } from './recipients.ts'

/** One tube at one moment. Delayed, ready and taken are the server's figures, done and lateness the gateway's. */
export interface TubeProgress {
  readonly tube: Platform
  readonly planned: number
  readonly delayed: number
  readonly ready: number
  readonly taken: number
  readonly done: number
  /** Deliveries per second since the last look. */
  readonly perSecond: number
  /** Of the deliveries since the last look, in milliseconds; undefined if there were none. */
  readonly lateness: { readonly p50: number; readonly p99: number } | undefined
}

export interface Progress {
  readonly tubes: readonly TubeProgress[]
  /** The moment of the campaign's own day, milliseconds since 1970. */
  readonly campaignTime: number
}

/** Shows a campaign that goes on. */
export interface View {
  /** How often it wants to be shown something, in milliseconds. */
  readonly everyMs: number
  show(progress: Progress): void
  /** One line that stays, without its line end. */
  note(text: string): void
  /** Leaves the terminal as it was; nothing may be shown afterwards. */
  close(): void
}

/** @returns `2026-11-22 03:30 UTC` */
export function clockText(campaignTime: number): string {
  return `${new Date(campaignTime).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
