// What is told of the folders is enough: after any sequence of what people do there, a scan of the hints alone knows what a first
// scan of everything finds. Real files.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { workspace } from '../../src/files/workspace.ts'
import { Folders } from '../../src/look/folders.ts'
import { STATES } from '../../src/types.ts'

const RULES = { maxSize: 1000, defaultPriority: 'normal', settleMs: 0 } as const
const OURS = '# written by orchestrate; derived from the run folder, may be written again\n'

const states = fc.constantFrom(...STATES)
const names = fc.constantFrom(
  ...['a.yaml', 'b.yaml', 'B.yaml', 'c.yml', 'a_result.yaml', 'b_agent_01.yaml', 'c_result.yaml'],
  ...['.a.yaml.swp', 'note.txt'],
)
const deed = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write'), state: states, name: names }) },
  fc.record({ do: fc.constant('edit'), state: fc.constant('pending'), name: names }),
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('mv'), state: states, name: names, to: states }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rm'), state: states, name: names }) },
  fc.record({ do: fc.constant('full') }),
  fc.record({ do: fc.constant('ours'), state: states, name: names, to: states }),
  fc.record({ do: fc.constant('folder'), state: fc.constant('pending') }),
)

it('hints tell all', async () => {
  let round = 0
  // The kernel's clock ticks every 4 ms: what is written over within one is the same file, but for its size.
  const text = () => `${++round}`.padEnd(8 + (round % 50), '.')
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 1, maxLength: 25 }), async (deeds) => {
      const root = mkdtempSync(join(tmpdir(), 'orchestrate-hints-'))
      onTestFinished(() => rmSync(root, { recursive: true, force: true }))
      const at = workspace(root)
      for (const state of STATES) mkdirSync(at.state[state], { recursive: true })
      const folders = new Folders(at, RULES)
      await folders.scan([])
      for (const one of deeds as { do: string; state: 'pending'; name: string; to: 'pending' }[]) {
        let hints: Set<string> | null = new Set()
        const file = one.state && join(at.state[one.state], one.name ?? '')
        const to = one.to && join(at.state[one.to], one.name)
        const tell = (state: string) => hints?.add(`tasks/${state}/${one.name}`)
        if (one.do === 'write') {
          const ours = /_(result|agent_)/.test(one.name) && round++ % 3 > 0
          writeFileSync(file, ours ? `${OURS}task_id: a\n` : `description: ${text()}\n`)
          tell(one.state)
        } else if (one.do === 'edit' && existsSync(file)) {
          appendFileSync(file, round++ % 2 ? 'priority: high\n' : 'id: b\n')
          tell(one.state)
        } else if (one.do === 'mv' && existsSync(file)) {
          renameSync(file, to)
          tell(one.state)
          tell(one.to)
        } else if (one.do === 'rm' && existsSync(file)) {
          unlinkSync(file)
          tell(one.state)
        } else if (one.do === 'ours') {
          const entry = folders.entries.get(`tasks/${one.state}/${one.name}`)
          // We move what is a task, and nothing else.
          if (!entry?.task || existsSync(to) || !existsSync(file)) continue
          renameSync(file, to)
          await folders.moved(entry, one.to, to)
        } else if (one.do === 'folder') {
          // As git does it: another folder, and files of the same names in it. Born in the same tick, it would be the same.
          await new Promise((resolve) => setTimeout(resolve, 10))
          const all = readdirSync(at.state.pending)
          rmSync(at.state.pending, { recursive: true })
          mkdirSync(at.state.pending)
          for (const name of all)
            writeFileSync(join(at.state.pending, name), `description: new ${text()}\n`)
          hints = null
        } else if (one.do === 'full') hints = null
        const { orphans } = await folders.scan(hints ?? [], hints === null)
        const fresh = new Folders(at, RULES)
        const found = await fresh.scan([])
        expect(seen(folders), JSON.stringify(one)).toEqual(seen(fresh))
        expect(orphans.map(({ path }) => path).filter(told)).toEqual(
          expect.arrayContaining(found.orphans.map(({ path }) => path).filter(told)),
        )
        expect(orphans.length).toBeLessThanOrEqual(found.orphans.length)
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 150) },
  )
})

/** We write records of who works on a task to assigned/ alone; one that a person put elsewhere is told of when it comes, and by the next start. */
const told = (path: string) => !/(pending|completed|failed).[^/]*_agent_\d+\.yaml$/.test(path)

function seen(folders: Folders) {
  const rows = [...folders.entries.values()].map(({ file, id, state, task, problem }) => ({
    ...{ file, id, state, text: state === 'pending' ? task?.description : '' },
    problem: problem?.message,
    found: folders.about(id).some((one) => one.file === file),
    in: [...folders.in(state)].some((one) => one.file === file),
  }))
  return {
    rows: rows.sort((a, b) => (a.file < b.file ? -1 : 1)),
    names: STATES.map((state) => [...(folders.names.get(state) ?? [])].sort()),
    open: folders.open.size,
  }
}
