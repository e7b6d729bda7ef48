// The JSON Schemas that editors use, from the valibot schemas. For the build alone: the converter is no dependency of ours.
// Promises: the same text for the same schemas.
import { toJsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import { RESERVED, TaskFile } from '../files/task-schema.ts'
import { ConfigFile } from './schema.ts'

// Strict where the reader only remarks: an editor should underline `prioirty`. Reserved keys are no mistakes.
const reserved = v.pipe(v.optional(v.unknown()), v.description('Reserved: without effect yet.'))
const task = v.strictObject({
  ...TaskFile.entries,
  ...Object.fromEntries(RESERVED.map((key) => [key, reserved])),
})

/** File name and text of each. */
export function jsonSchemas(): [string, string][] {
  return [
    render('task.schema.json', task, 'A task of orchestrate: one YAML file in tasks/pending'),
    render('config.schema.json', ConfigFile, 'config.yaml of orchestrate'),
  ]
}

function render(name: string, schema: v.GenericSchema, title: string): [string, string] {
  // `check` is code; what it refuses, JSON Schema lets pass. Anything else that cannot be converted fails the build.
  const { $schema, ...rest } = toJsonSchema(schema, {
    ignoreActions: ['check'],
    target: 'draft-07',
    errorMode: 'throw',
  })
  const $id = `https://unpkg.com/agent-maildir/schema/${name}`
  return [name, `${JSON.stringify({ $schema, $id, title, ...rest }, null, 2)}\n`]
}
