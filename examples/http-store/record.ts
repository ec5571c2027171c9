/** What is posted, queued and stored. */
export interface PostedRecord {
  /** Chosen by whoever posts, so that posting again stores nothing twice. */
  readonly id: string
  readonly text: string
}

/** @returns undefined if the text is no record */
export function parseRecord(json: string): PostedRecord | undefined {
  const value = parsed(json)
  if (typeof value !== 'object' || value === null || !('id' in value) || !('text' in value)) return undefined
  const { id, text } = value
  if (typeof id !== 'string' || id === '' || typeof text !== 'string') return undefined
  return { id, text }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
