/**
 * The names in the order in which they are to have the key: by a hash of name and key, so each name gets an
 * equal share, and a name that goes or comes moves only its own share. The same on every machine.
 */
export function rendezvous(key: string, names: readonly string[]): string[] {
  const weighed = names.map((name) => ({ name, weight: hash(`${name}\0${key}`) }))
  weighed.sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1))
  return weighed.map(({ name }) => name)
}

/** FNV-1a over UTF-16 units, then MurmurHash3's finalizer, for the last characters to reach all bits. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
