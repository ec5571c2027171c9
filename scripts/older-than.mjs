/**
 * Whether a version's first two numbers are below the wanted ones.
 *
 * @param {string} version such as `20.19.0` or `2.6.0-148-g1a2b3c4`
 * @param {string} wanted such as `20.19`
 */
export function olderThan(version, wanted) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}
