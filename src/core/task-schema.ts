export * from '../files/task-schema.ts'
