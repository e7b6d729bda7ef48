export * from '../files/lock.ts'
