export * from '../files/workspace.ts'
