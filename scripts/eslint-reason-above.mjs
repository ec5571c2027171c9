/**
 * A cast (`as`) or a `!` overrules the compiler, so the line above it, or above its statement, says why
 * that is safe. `as const` overrules nothing.
 *
 * @type {import('eslint').Rule.RuleModule}
 */
export const reasonAbove = {
  meta: { type: 'suggestion', messages: { missing: 'Say on the line above why {{what}} is safe here.' }, schema: [] },
  create(context) {
    const commented = new Set(context.sourceCode.getAllComments().map((comment) => comment.loc?.end.line))
    const isExplained = (node) => {
      for (let at = node; at && at.type !== 'BlockStatement' && at.type !== 'Program'; at = at.parent) {
        if (commented.has(at.loc.start.line - 1)) return true
        if (/Statement$|Declaration$|^PropertyDefinition$|^MethodDefinition$/.test(at.type)) return false
      }
      return false
    }
    const check = (node, what) => {
      if (!isExplained(node)) context.report({ node, messageId: 'missing', data: { what } })
    }
    return {
      TSAsExpression(node) {
        const isConst = node.typeAnnotation.type === 'TSTypeReference' && node.typeAnnotation.typeName.name === 'const'
        if (!isConst) check(node, 'this cast')
      },
      TSNonNullExpression: (node) => check(node, 'this `!`'),
    }
  },
}
