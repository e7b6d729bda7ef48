// Who has a file open for writing; Linux only, for nobody else tells.

import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { end, folder, leaveNothing, printed, processes, run } from './world.ts'

afterEach(leaveNothing)

describe.skipIf(process.platform !== 'linux')('writers', () => {
  it('are those that append or overwrite, not those that read', async () => {
    const here = folder()
    const [appended, read, both, free] = ['a', 'r', 'b', 'f'].map((name) => join(here, name))
    for (const path of [appended, read, both, free]) writeFileSync(path ?? '', 'x')
    const script = `exec 3>>"${appended}" 4<"${read}" 5<>"${both}"; echo 1; exec sleep 1000`
    const { child } = run(script)
    await printed(child)
    const paths = [appended, read, both, free, join(here, 'missing'), '/no/such/place'].map(String)
    expect(processes.writers(paths)).toEqual(new Set([appended, both]))
    expect(processes.writers([])).toEqual(new Set())
    await end(child)
    expect(processes.writers(paths)).toEqual(new Set())
  })

  it('are told by the path that the file has now, also when asked through a link', async () => {
    const here = folder()
    mkdirSync(join(here, 'real'))
    symlinkSync('real', join(here, 'link'))
    const { child } = run(`exec 3>"${here}/real/old.yaml"; echo 1; exec sleep 1000`)
    await printed(child)
    renameSync(join(here, 'real/old.yaml'), join(here, 'real/new.yaml'))
    const [old, now] = [join(here, 'link/old.yaml'), join(here, 'link/new.yaml')]
    expect(processes.writers([old, now])).toEqual(new Set([now]))
    unlinkSync(now)
    writeFileSync(now, 'another file')
    expect(processes.writers([now])).toEqual(new Set())
    await end(child)
  })

  it('are others: what we write ourselves we know', async () => {
    const path = join(folder(), 'mine')
    const handle: FileHandle = await open(path, 'w')
    expect(processes.writers([path])).toEqual(new Set())
    await handle.close()
  })
})
