// The library: the queue, the distributor, the agents' processes and the shared context, as the program itself uses them
// (specification 3.1 to 3.4). Importing this does nothing.
export { kindOf, kinds } from './agents/index.ts'
export { type LoadedConfig, loadConfig } from './config/index.ts'
export { ContextManager, type ContextOptions, createContext } from './context/context.ts'
export { readSharedContext, type SharedContext, type TaskSummary } from './context/read.ts'
export { distribute } from './core/distribute.ts'
export { createOrchestrator, type Parts } from './core/orchestrator.ts'
export { TaskQueue } from './core/queue.ts'
export { AgentProcess, type RunParts } from './core/run.ts'
export { findWorkspace, type Workspace, workspace } from './files/workspace.ts'
export { TaskDistributor } from './look/agents.ts'
export { createProcesses } from './process/index.ts'
export * from './types.ts'
