declare module 'tarantool-driver' {
  interface TarantoolOptions {
    readonly host: string
    readonly port: number
    readonly username: string
    readonly password: string
    readonly lazyConnect: boolean
  }

  /** The part of tarantool-driver 3.1.0 that the benchmark uses; @types/tarantool-driver lacks `ping`. */
  class TarantoolConnection {
    constructor(options: TarantoolOptions)
    connect(): Promise<void>
    disconnect(): void
    ping(): Promise<unknown>
    select(
      space: number | string,
      index: number,
      limit: number,
      offset: number,
      iterator: string,
      key: readonly unknown[],
    ): Promise<unknown>
    replace(space: number | string, tuple: readonly unknown[]): Promise<unknown>
    update(
      space: number | string,
      index: number,
      key: readonly unknown[],
      operations: readonly unknown[],
    ): Promise<unknown>
    call(functionName: string, ...args: readonly unknown[]): Promise<unknown>
    eval(expression: string, ...args: readonly unknown[]): Promise<unknown>
  }
  export = TarantoolConnection
}
