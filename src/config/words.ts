// A command line as an argument vector, by the quoting rules of the POSIX shell; nothing is expanded, nothing is run.
// Promises: unbalanced quotes are refused; what only a shell would heed is a word like any other, and is told.

export interface Words {
  words: string[]
  /** `|`, `>`, `&&`, … that stand outside quotes, where a shell would have acted on them. */
  operators: string[]
}

/** @returns the words, or one sentence on what is wrong. */
export function splitWords(text: string): Words | { error: string } {
  const words: string[] = []
  let word: string | undefined
  let bare = '' // everything outside quotes
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === "'" || char === '"') {
      const quoted = char === "'" ? single(text, at + 1) : double(text, at + 1)
      if (!quoted) return { error: `has a ${char} that is not closed` }
      word = (word ?? '') + quoted.text
      at = quoted.end
      bare += '_'
    } else if (char === '\\') {
      if (++at === text.length) return { error: 'ends in a backslash' }
      if (text[at] !== '\n') word = (word ?? '') + text.charAt(at)
      bare += '_'
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
      bare += ' '
    } else {
      word = (word ?? '') + char
      bare += char
    }
  }
  if (word !== undefined) words.push(word)
  return { words, operators: [...new Set(bare.match(/\|\|?|&&?|;|>>?|<<?|\$\(|`/g))] }
}

interface Quoted {
  text: string
  /** Index of the closing quote. */
  end: number
}

function single(text: string, from: number): Quoted | undefined {
  const end = text.indexOf("'", from)
  return end < 0 ? undefined : { text: text.slice(from, end), end }
}

/** Within double quotes a backslash is one, but before $ ` " \ and the end of the line. */
function double(text: string, from: number): Quoted | undefined {
  let inner = ''
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '"') return { text: inner, end: at }
    const next = text.charAt(at + 1)
    if (char === '\\' && next !== '' && '$`"\\\n'.includes(next)) {
      if (next !== '\n') inner += next
      at++
    } else inner += char
  }
  return undefined
}
