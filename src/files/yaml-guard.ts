// Whether a YAML text is cheap to parse, told by its tokens before it is parsed. Pure. Promises: stops at the first limit,
// so that 256 KiB of brackets, dashes or blank lines cost a few ms, not seconds; a long text in one block is one token.
import { Lexer } from 'yaml'

/** Six for each of 1,000 keys, and room for long lists: some tens of ms of parsing. */
const MAX_TOKENS = 10_000
/** Above what any file of ours may be nested: the parser's work grows with the depth of each token. */
const MAX_FLOW = 50
/** No file of ours needs any; each may be an error of its own. */
const MAX_ANCHORS = 100

/** One clear problem, or null. */
export function tooCostly(text: string): string | null {
  let [tokens, depth, anchors] = [0, 0, 0]
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth++
    else if (token === ']' || token === '}') depth--
    if (depth < 0) return `has a \`${token}\` that closes nothing`
    if (depth > MAX_FLOW) return `is nested deeper than ${MAX_FLOW} levels`
    if (token.startsWith('&') && ++anchors > MAX_ANCHORS)
      return `has more than ${MAX_ANCHORS} anchors (\`&…\`): it is no file of ours`
    if (++tokens > MAX_TOKENS) return `has more than ${MAX_TOKENS} pieces: it is no file of ours`
  }
  return null
}
