import { encodeInto, writeText } from '../../msgpack/encode.ts'
import type { LazyField } from '../../msgpack/lazy.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { Request } from '../request.ts'

/*
 * CALL body = { FUNCTION_NAME: str, TUPLE: [argument, …] }
 * EVAL body = { EXPR: str, TUPLE: [argument, …] }
 * Reply     = { DATA: [returned value, …] }
 */

abstract class CodeRequest<R> extends Request<R> {
  override readonly runsCode: boolean = true
  readonly #key: number
  /** Name of the function, or Lua. */
  readonly text: string
  readonly #args: readonly unknown[]

  constructor(key: number, text: string, args: readonly unknown[], lazy: LazyField | undefined) {
    super()
    this.#key = key
    this.text = text
    this.#args = args
    this.lazy = lazy
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x82)
    writer.byte(this.#key)
    writeText(writer, this.text)
    writer.byte(Key.TUPLE)
    encodeInto(writer, this.#args, 'args')
  }

  protected override result(data: readonly unknown[]): R {
    // The caller says what the function returns.
    return data as R
  }
}

export class CallRequest<R> extends CodeRequest<R> {
  readonly type: number = RequestType.CALL

  constructor(functionName: string, args: readonly unknown[], lazy: LazyField | undefined) {
    super(Key.FUNCTION_NAME, functionName, args, lazy)
  }
}

export class EvalRequest<R> extends CodeRequest<R> {
  readonly type: number = RequestType.EVAL

  constructor(expression: string, args: readonly unknown[], lazy: LazyField | undefined) {
    super(Key.EXPR, expression, args, lazy)
  }
}
