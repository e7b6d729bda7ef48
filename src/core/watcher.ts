export * from '../look/watcher.ts'
