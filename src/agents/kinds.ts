// The agent kinds by name.
// Promises: every agent type of a configuration has a kind; a new CLI is one file here and one line below.
import type { AgentKind, AgentSettings } from '../types.ts'
import { claude } from './claude.ts'
import { codex } from './codex.ts'
import { cursor } from './cursor.ts'
import { custom } from './custom.ts'
import { gemini } from './gemini.ts'
import { opencode } from './opencode.ts'
import { shell } from './shell.ts'

/** The built-in kinds. */
export const kinds: Record<string, AgentKind> = { claude, codex, gemini, cursor, opencode, shell }

/** The kind of a configured agent type; a type that is not built in runs its command. */
export const kindOf = (type: string, settings: AgentSettings): AgentKind =>
  (Object.hasOwn(kinds, type) ? kinds[type] : undefined) ?? custom(type, settings)
