// An image that was saved while runs were at work, and the folders of these runs as they became.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { catchUp } from '../../src/cli/catch-up.ts'
import { writeRun } from '../../src/files/run-folder.ts'
import { openIndex } from '../../src/index/index.ts'
import type { RunRecord } from '../../src/types.ts'

it('tells the end of a run that ended after the image was saved, and leaves one that works', async () => {
  const root = mkdtempSync(join(tmpdir(), 'index-'))
  try {
    const file = join(root, 'tasks.db')
    const begun = (task_id: string) =>
      ({
        ...{ task_id, attempt: 1, agent_id: 'agent_01', agent_type: 'shell', argv: ['sh'] },
        ...{ nonce: task_id, boot_id: 'x', assigned_at: '2026-01-01T00:00:00Z', file: 'x.yaml' },
      }) as RunRecord
    const index = await openIndex({ file, log: () => {} })
    for (const id of ['ended', 'works', 'removed']) index.putRun(begun(id))
    await index.close()
    const ended = {
      ...begun('ended'),
      outcome: 'failed',
      ended_at: '2026-01-01T00:00:01Z',
    } as const
    for (const run of [ended, begun('works')]) {
      mkdirSync(join(root, 'runs', run.task_id, '1'), { recursive: true })
      await writeRun(join(root, 'runs'), run)
    }
    const again = await openIndex({ file, log: () => {} })
    await catchUp(again, join(root, 'runs'))
    expect(
      again
        .unended()
        .map(({ task_id }) => task_id)
        .sort(),
    ).toEqual(['removed', 'works'])
    expect(again.dump().runs.find((run) => run.task_id === 'ended')).toMatchObject(ended)
    await again.close()
  } finally {
    rmSync(root, { recursive: true })
  }
})
