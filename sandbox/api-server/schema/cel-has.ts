/**
 * `has()` of anything. In CEL, `has(e.f)` takes any expression `e`; our CEL package only takes a path of names. Rules
 * in use (the Gateway API's) ask `has(self.matches[0].path)`, so such targets are bound to a name first:
 *
 *   has(self.matches[0].path)   becomes   [self.matches[0]].all(target_, has(target_.path))
 */

const PATH = /^\s*[A-Za-z_]\w*(\s*\.\??\s*[A-Za-z_]\w*)+\s*$/;
const LAST_FIELD = /^([\s\S]*[^\s?])\s*\.\s*([A-Za-z_]\w*)\s*$/;

/** The same rule with every target of `has` bound to a name where it is not a path of names. */
export function bindHasTargets(expression: string): string {
  let result = "";
  let at = 0;
  while (at < expression.length) {
    const literal = literalAt(expression, at);
    if (literal > at) {
      result += expression.slice(at, literal);
      at = literal;
      continue;
    }
    const call = /^has\s*\(/.exec(expression.slice(at))?.[0];
    if (call === undefined || /[\w.]/.test(expression[at - 1] ?? "")) {
      result += expression[at];
      at += 1;
      continue;
    }
    const start = at + call.length;
    const end = closing(expression, start);
    result += bound(expression.slice(start, end));
    at = end + 1;
  }
  return result;
}

function bound(argument: string): string {
  const [, target, field] = LAST_FIELD.exec(argument) ?? [];
  if (PATH.test(argument) || target === undefined) return `has(${argument})`;
  return `[${bindHasTargets(target)}].all(target_, has(target_.${field}))`;
}

/** Position after the string literal that begins at `at`; `at` itself when none does. */
function literalAt(text: string, at: number): number {
  const literal = /^(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/.exec(text.slice(at));
  return at + (literal?.[0].length ?? 0);
}

/** Position of the parenthesis that closes the one before `start`; the end of the text when there is none. */
function closing(text: string, start: number): number {
  let depth = 1;
  let at = start;
  while (at < text.length) {
    const literal = literalAt(text, at);
    if (literal > at) {
      at = literal;
      continue;
    }
    if (text[at] === "(") depth += 1;
    if (text[at] === ")") depth -= 1;
    if (depth === 0) return at;
    at += 1;
  }
  return at;
}
