// The JSON Schemas that editors use: what they offer, and that the committed files are the generated ones.
// Promises: no converter for tests; the shape is looked at.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { jsonSchemas } from '../../src/config/json-schemas.ts'
import { RESERVED } from '../../src/files/task-schema.ts'

interface Shape {
  type?: string | string[]
  enum?: unknown[]
  description?: string
  properties?: Record<string, Shape>
  additionalProperties?: Shape | boolean
  required?: string[]
}
const [task, config] = jsonSchemas().map(([, text]) => JSON.parse(text) as Shape)

it.each(jsonSchemas())('schema/%s is as generated', (name, text) => {
  expect(readFileSync(new URL(`../../schema/${name}`, import.meta.url), 'utf8')).toBe(text)
  expect(text).toMatch(
    /^\{\n {2}"\$schema": "http:\/\/json-schema.org\/draft-07\/schema#",\n {2}"\$id"/,
  )
  expect(text.endsWith('}\n')).toBe(true)
})

describe('a task', () => {
  const keys = task?.properties ?? {}
  it('knows the keys of the examples, the aliases and the reserved ones, and no other', () => {
    const examples =
      'id description priority created_at dependencies context_files context_required preferred_agent preferred_agent_type timeout_minutes max_retries subtasks not_before continues on_limit labels budget'
    expect(Object.keys(keys)).toEqual([...examples.split(' '), ...RESERVED])
    expect(task).toMatchObject({ required: ['description'], additionalProperties: false })
  })
  it('offers the priorities', () => {
    expect(keys.priority?.enum).toEqual(expect.arrayContaining(['high', 'normal', 'low', 0, 1, 2]))
  })
  it.each(Object.keys(keys))('%s is described', (key) => {
    expect(keys[key]?.description).toMatch(/\.$/)
  })
})

describe('the configuration', () => {
  const sections = config?.properties ?? {}
  const agents = sections.agents?.additionalProperties
  const agent = typeof agents === 'object' ? agents : {}
  it('is strict at every level', () => {
    const groups = Object.entries(sections).filter(([name]) => name !== 'agents')
    for (const group of [config, agent, ...groups.map(([, value]) => value)]) {
      expect(group?.additionalProperties).toBe(false)
    }
  })
  it('describes every key', () => {
    const keys = [sections, agent.properties, ...Object.values(sections).map((at) => at.properties)]
    for (const [name, key] of keys.flatMap((group) => Object.entries(group ?? {}))) {
      expect(key.description, name).toMatch(/\.$/)
    }
  })
  it('offers what may be chosen', () => {
    expect(sections.orchestrator?.properties?.log_level?.enum).toContain('INFO')
    expect(sections.task_queue?.properties?.default_priority?.enum).toContain('normal')
    expect(agent.properties?.inherit_env?.enum).toEqual(['all', 'minimal'])
  })
})
