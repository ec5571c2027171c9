/** Counters that outlive a connection; the client owns them, its connections add to them. */
export interface Traffic {
  bytesIn: number
  bytesOut: number
  socketWrites: number
  /** Replies to requests that nobody made. */
  unknownReplies: number
  /** What `box.session.push` has sent to requests without `onPush`. */
  chunksDropped: number
}

export function newTraffic(): Traffic {
  return { bytesIn: 0, bytesOut: 0, socketWrites: 0, unknownReplies: 0, chunksDropped: 0 }
}
