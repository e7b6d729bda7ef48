export * from '../files/task.ts'
