import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { reasonAbove } from './scripts/eslint-reason-above.mjs'

/** Only what biome cannot check: rules that need types, and limits of size. */
export default defineConfig(
  { ignores: ['**/dist/', '**/node_modules/', 'coverage/', '.tarantella/', '**/fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['packages/*/tsconfig.json', 'tsconfig.check.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // An implementation that does not need all of its interface's arguments says so.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // A number or a boolean in a template says exactly what it is.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `() => socket.destroy()` is an ordinary callback.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // A caller's AbortSignal rejects with its own reason, which may be anything.
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    plugins: { tarantella: { rules: { 'reason-above': reasonAbove } } },
    rules: {
      'tarantella/reason-above': 'error',
      // With a reason above.
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 60 }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        { selector: 'TSEnumDeclaration', message: 'Use a const union.' },
        {
          selector: ':matches(PropertyDefinition, MethodDefinition)[accessibility=/private|public/]',
          message: 'Use #private, or nothing for public.',
        },
        { selector: 'TSParameterProperty', message: 'Declare the field, and assign it.' },
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'A library does not read the environment.',
        },
      ],
    },
  },
  {
    files: ['**/test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // Tests make wrong calls on purpose, and know what stands in a reply.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
)
