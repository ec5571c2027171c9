/**
 * The settings of a service, from its environment. The password is one of its own, not part of a URI,
 * so that it may hold any character.
 *
 * @returns {{ server: { host: string, port: number, user: string, password: string }, tube: string }}
 */
export function readSettings(env = process.env) {
  const required = (/** @type {string} */ name) => {
    const value = env[name]
    if (!value) throw new Error(`Set ${name} in the environment`)
    return value
  }
  return {
    server: {
      host: env.TARANTELLA_HOST || '127.0.0.1',
      port: Number(env.TARANTELLA_PORT || 3301),
      user: required('TARANTELLA_USER'),
      password: required('TARANTELLA_PASSWORD'),
    },
    tube: required('TARANTELLA_TUBE'),
  }
}
