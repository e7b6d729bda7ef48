export * from '../files/nearest.ts'
