export * from '../files/record.ts'
