import { defineConfig } from 'vitest/config'

/** A rejection that nobody handles is an error in the tests, and in every program that they start. */
const STRICT = '--unhandled-rejections=strict'
const strict = { execArgv: [STRICT], env: { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} ${STRICT}`.trim() } }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...strict,
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'test/unit/**/*.test.ts', 'test/types/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          ...strict,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
