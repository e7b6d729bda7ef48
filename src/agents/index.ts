// The door of this folder: it alone knows a vendor; the core sees an AgentKind.
// Promises: nothing outside imports another file of it.

export { probe } from './capabilities.ts'
export { kindOf, kinds } from './kinds.ts'
export { needsSandboxNote, version, which } from './probe.ts'
