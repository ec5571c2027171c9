import { UsageError } from '../errors.ts'

/** One or several PEM texts or DER bytes. */
export type TlsBytes = string | Buffer | (string | Buffer)[]

/**
 * How to encrypt the connection. Names and meanings are those of `node:tls`; what is not here has Node's default.
 * The server's certificate is verified unless `rejectUnauthorized` is false.
 */
export interface TlsOptions {
  /** Who may have signed the server's certificate. @default the authorities that Node trusts */
  readonly ca?: TlsBytes | undefined
  /** The client's own certificate, for servers that ask for one; needs `key`. */
  readonly cert?: TlsBytes | undefined
  readonly key?: TlsBytes | undefined
  /** Of `key` or `pfx`. */
  readonly passphrase?: string | undefined
  /** Certificate and key in one PKCS #12 file; excludes `cert` and `key`. */
  readonly pfx?: string | Buffer | undefined
  /** The name that the server's certificate must bear, and that is told to the server (SNI). @default the host; 'localhost' for a Unix socket */
  readonly servername?: string | undefined
  /** False takes any certificate, so that anybody on the way can read and change what is sent. @default true */
  readonly rejectUnauthorized?: boolean | undefined
  /** @default Node's, 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  /** In the syntax of OpenSSL. @default Node's */
  readonly ciphers?: string | undefined
}

const KNOWN: ReadonlySet<string> = new Set([
  'ca',
  'cert',
  'key',
  'passphrase',
  'pfx',
  'servername',
  'rejectUnauthorized',
  'minVersion',
  'ciphers',
])

/** The options of TLS, or undefined for none. Throws a `UsageError`; what is no certificate is found at connect. */
export function resolveTls(tls: boolean | TlsOptions | undefined): TlsOptions | undefined {
  if (tls === undefined || tls === false) return undefined
  if (tls === true) return Object.freeze({})
  if (typeof tls !== 'object') throw invalid('Expected `tls` to be a boolean or an object')
  for (const name of Object.keys(tls)) if (!KNOWN.has(name)) throw invalid(`Unknown option \`tls.${name}\``)
  if ((tls.cert === undefined) !== (tls.key === undefined)) throw invalid('Expected `tls.cert` and `tls.key` together')
  if (tls.pfx !== undefined && tls.cert !== undefined) throw invalid('Expected `tls.pfx` without `cert` and `key`')
  if (tls.rejectUnauthorized !== undefined && typeof tls.rejectUnauthorized !== 'boolean') {
    throw invalid('Expected `tls.rejectUnauthorized` to be a boolean')
  }
  return Object.freeze({ ...tls })
}

function invalid(message: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', message)
}
