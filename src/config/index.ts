// The door of the configuration for the composition root. Loads yaml and valibot; what must start fast imports
// `cache.ts`, `defaults.ts` or `template.ts` by themselves.
export { type LoadedConfig, type LoadOptions, loadConfig } from './load.ts'
export { parseAgents } from './slots.ts'
export { reload } from './watch.ts'
