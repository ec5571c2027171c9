/** Keeps `inFlight` promises going the way users do: each awaits its own reply before it asks again. */
export async function keepInFlight(
  request: (i: number) => Promise<unknown>,
  inFlight: number,
  requests: number,
): Promise<void> {
  let next = 0
  const loop = async (): Promise<void> => {
    while (next < requests) await request(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
}
