export {
  ConnectionError,
  type ConnectorErrorCode,
  type ErrorFacts,
  type ErrorFrame,
  ProtocolError,
  ServerError,
  type ServerErrorCode,
  TarantellaError,
  TimeoutError,
  UsageError,
} from './errors.ts'
