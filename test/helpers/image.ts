import { Copy, DockerfileParser, JSONInstruction } from 'dockerfile-ast'

/** What the last stage of a Dockerfile makes of its base image. */
export interface Image {
  readonly from: string
  readonly env: Readonly<Record<string, string>>
  /** `COPY source destination`, without copies from another stage. */
  readonly copies: readonly { readonly source: string; readonly destination: string }[]
  readonly user: string | undefined
  readonly volumes: readonly string[]
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  /** The command of `HEALTHCHECK CMD`. */
  readonly healthcheck: readonly string[]
}

/**
 * Reads a Dockerfile's last stage. Commands must be in the exec form (`CMD ["a", "b"]`), as others run
 * under a shell that keeps signals from them.
 */
export function readImage(dockerfile: string): Image {
  const instructions = DockerfileParser.parse(dockerfile).getInstructions()
  const start = instructions.findLastIndex((instruction) => instruction.getKeyword() === 'FROM')
  const stage = instructions.slice(start)
  const all = (keyword: string): string[] =>
    stage.filter((each) => each.getKeyword() === keyword).map((each) => each.getArgumentsContent() ?? '')
  const exec = (keyword: string): string[] => {
    const last = stage.findLast((each) => each.getKeyword() === keyword)
    return last instanceof JSONInstruction ? last.getJSONStrings().map((part) => part.getJSONValue()) : []
  }
  return {
    from: all('FROM')[0] ?? '',
    env: Object.fromEntries(all('ENV').flatMap(readVariables)),
    copies: stage
      .filter((each) => each instanceof Copy && each.getFromFlag() === null)
      .map((each) => {
        const [source = '', destination = ''] = each.getArguments().map((argument) => argument.getValue())
        return { source, destination }
      }),
    user: all('USER').at(-1),
    volumes: all('VOLUME').flatMap((text) => text.split(/\s+/)),
    entrypoint: exec('ENTRYPOINT'),
    command: exec('CMD'),
    healthcheck: healthcheckOf(all('HEALTHCHECK').at(-1)),
  }
}

/** `NAME=value NAME=value`, over several lines; values without spaces. */
function readVariables(text: string): [string, string][] {
  return Array.from(text.matchAll(/(\w+)=(\S+)/g), ([, name = '', value = '']) => [name, value])
}

/** The parser knows the exec form of CMD, not of HEALTHCHECK's. */
function healthcheckOf(text: string | undefined): string[] {
  const json = /CMD\s+(\[.*\])\s*$/s.exec(text ?? '')?.[1]
  return json === undefined ? [] : (JSON.parse(json) as string[])
}
