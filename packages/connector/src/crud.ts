export { Crud, type CrudCaller, type CrudRow } from './crud/crud.ts'
export { CrudError, type CrudFailure } from './crud/crud-error.ts'
export type {
  CrudBorderOptions,
  CrudCondition,
  CrudCountOptions,
  CrudManyOptions,
  CrudOptions,
  CrudReadOptions,
  CrudReplicaOptions,
  CrudRowOptions,
  CrudSelectOptions,
  CrudWriteOptions,
} from './crud/crud-options.ts'
export type { CrudColumn, CrudManyResult, CrudResult } from './crud/crud-result.ts'
