import { encodeInto, writeText } from '../../msgpack/encode.ts'
import { Tuple } from '../../msgpack/ext/tuple.ts'
import type { LazyField } from '../../msgpack/lazy.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import type { Feature } from '../features.ts'
import { Request } from '../request.ts'
import { hasNamedTuple, writeNamedArguments } from './named-arguments.ts'

/*
 * CALL body = { FUNCTION_NAME: str, TUPLE: [argument, …] [, TUPLE_FORMATS: …] }; of CALL_16 as well
 * EVAL body = { EXPR: str, TUPLE: [argument, …] [, TUPLE_FORMATS: …] }
 * Reply     = { DATA: [returned value, …] }
 */

abstract class CodeRequest<R> extends Request<R> {
  override readonly runsCode: boolean = true
  readonly #key: number
  /** Name of the function, or Lua. */
  readonly text: string
  readonly #args: readonly unknown[]
  readonly #hasNames: boolean

  constructor(key: number, text: string, args: readonly unknown[], lazy: LazyField | undefined) {
    super()
    this.#key = key
    this.text = text
    this.#args = args
    this.#hasNames = hasNamedTuple(args)
    if (this.#hasNames) this.requires = 'call-arg-tuple-extension'
    if (lazy !== undefined) this.lazy = lazy
  }

  override writeBody(writer: Writer): void {
    writer.byte(this.#hasNames ? 0x83 : 0x82)
    writer.byte(this.#key)
    writeText(writer, this.text)
    writer.byte(Key.TUPLE)
    if (this.#hasNames) writeNamedArguments(writer, this.#args)
    else encodeInto(writer, this.#args, 'args')
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

/** Each returned value comes as a tuple of its own. */
export class Call16Request<R> extends CallRequest<R> {
  override readonly type: number = RequestType.CALL_16
}

/** The value of a key that watchers of all sessions hear of; it stays until the next one. */
export class BroadcastRequest extends CallRequest<undefined> {
  override readonly requires: Feature = 'watchers'

  constructor(key: string, value: unknown) {
    // A tuple has no names for watchers.
    super('box.broadcast', [key, value instanceof Tuple ? value.values : value], undefined)
  }

  protected override result(): undefined {
    return undefined
  }
}

export class EvalRequest<R> extends CodeRequest<R> {
  readonly type: number = RequestType.EVAL

  constructor(expression: string, args: readonly unknown[], lazy: LazyField | undefined) {
    super(Key.EXPR, expression, args, lazy)
  }
}
