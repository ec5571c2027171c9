export type { FakeRequest } from './testing/fake-request.ts'
export { FakeServer, type FakeServerOptions } from './testing/fake-server.ts'
export type { Awaitable, CallHandler, RequestHandler, SpaceHandlers, SqlAnswer } from './testing/script.ts'
export { serverError } from './testing/server-error.ts'
