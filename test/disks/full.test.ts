// A disk that fills up, to the page, at every step of a task's way. Promises (DESIGN 3, level 3): claiming stops and says
// so once, nothing truncated is published, no exit status is lost, and all goes on by itself when there is room again.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gate, leftOf, shell } from '../acceptance/stage.ts'
import {
  completed,
  type Disk,
  FULL,
  halted,
  mounts,
  onDisk,
  said,
  sameAsFiles,
  wholeOnly,
} from './small-disk.ts'

const FOUR = `agents:
  shell: { max_instances: 4 }
task_queue: { retry_delay_seconds: 0, max_retries: 0, settle_ms: 100 }
`
const outcomes = (disk: Disk, id: string) => disk.runs(id).map(({ outcome }) => outcome)

describe.skipIf(!mounts)('a full disk (needs root, for mount)', () => {
  /** Each task is moved over when the disk has so many pages (or inodes) left. */
  async function oneByOne(disk: Disk, steps: number[], fill: (left: number) => void) {
    for (const left of steps)
      disk.write(`tasks/drafts/t${left}.yaml`, shell(`echo t${left} >>"$LEDGER"`))
    await disk.must('orchestrate start')
    let halts = 0
    for (const left of steps) {
      const [id, name] = [`t${left}`, `t${left}.yaml`]
      fill(left)
      renameSync(join(disk.at.drafts, name), join(disk.at.state.pending, name))
      const done = () => disk.files().includes(`completed/${name}`)
      await disk.until('its end, or why not', async () => done() || (await halted(disk)))
      wholeOnly(disk)
      if (await halted(disk)) {
        halts++
        expect(await halted(disk)).toMatch(/nothing is claimed for now: .*ENOSPC/)
      }
      disk.free()
      await completed(disk, id)
      // A shim that found no room for the exit status began no agent.
      expect(outcomes(disk, id).filter((one) => one !== 'never-started')).toEqual(['success'])
      expect(disk.result(id)).toMatchObject({ status: 'success', attempt: disk.runs(id).length })
    }
    expect(disk.ledger()).toEqual(steps.map((left) => `t${left}`).sort())
    wholeOnly(disk)
    await sameAsFiles(disk)
    expect(said(disk, /nothing is claimed/)).toBeLessThanOrEqual(halts)
    return halts
  }

  it('at every page that a task takes, from its claim to its end', async () => {
    const disk = onDisk('size=2m')
    const steps = FULL ? Array.from({ length: 24 }, (_, left) => left) : [0, 2, 3, 5]
    expect(await oneByOne(disk, steps, disk.fill)).toBeGreaterThan(2)
  }, 240_000)

  it('at every inode', async () => {
    const disk = onDisk('size=2m,nr_inodes=120')
    const steps = FULL ? Array.from({ length: 16 }, (_, left) => left) : [0, 4]
    expect(await oneByOne(disk, steps, disk.fillInodes)).toBeGreaterThan(1)
  }, 240_000)

  it('an answer that does not fit is not published cut short', async () => {
    const disk = onDisk('size=2m')
    disk.drop('a.yaml', shell(`seq 20000; touch "$LEDGER"; ${gate('go')}`))
    await disk.must('orchestrate start')
    await disk.until('what it says', () => existsSync(disk.env.LEDGER as string))
    writeFileSync(join(disk.root, 'go'), '')
    disk.fill(12)
    await disk.until('the halt', () => halted(disk))
    const outputs = join(disk.root, 'context/agent_outputs')
    expect(existsSync(outputs) ? readdirSync(outputs) : []).toEqual([])
    expect(disk.files()).toEqual(['assigned/a.yaml'])
    disk.free()
    await completed(disk, 'a')
    const answer = readFileSync(join(outputs, 'a_output.md'), 'utf8')
    expect(answer).toContain('\n20000\n')
    expect(answer).toMatch(/orchestrate: a attempt 1.*-->\n$/)
    expect(outcomes(disk, 'a')).toEqual(['success'])
    await disk.must('orchestrate stop')
  })

  it('that an agent fills with its output: exit statuses are kept, a cancelled agent is ended', async () => {
    const disk = onDisk('size=2m', FOUR)
    disk.drop('ends.yaml', shell(`echo begun >>"$LEDGER"; ${gate('go')}; echo ends >>"$LEDGER"`))
    disk.drop('fails.yaml', shell(`echo begun >>"$LEDGER"; ${gate('go')}; exit 7`))
    disk.drop('sleeps.yaml', shell('echo begun >>"$LEDGER"; exec sleep 600'))
    await disk.must('orchestrate start')
    await disk.until('three begin', () => disk.ledger().length === 3)
    disk.drop('floods.yaml', shell('exec head -c 9000000 /dev/zero'))
    await disk.until('the halt', () => halted(disk))
    // No byte is left: `go` is made by a name alone.
    await disk.must('mkdir go')
    const exit = (id: string) => readFileSync(join(disk.at.runs, id, '1/exit'), 'utf8').trim()
    await disk.until('the ends', () => exit('ends') === '0' && exit('fails') === '7')
    renameSync(
      join(disk.at.state.assigned, 'sleeps.yaml'),
      join(disk.at.state.failed, 'sleeps.yaml'),
    )
    await disk.until(
      'it is ended',
      () => !leftOf(disk.root).some(({ command }) => /sleep 600/.test(command)),
    )
    expect(outcomes(disk, 'sleeps')).toEqual([undefined])
    expect((await disk.must('orchestrate status')).stdout).toMatch(/^nothing is claimed: .*ENOSPC/m)
    wholeOnly(disk)
    rmSync(join(disk.at.runs, 'floods/1/stdout'))
    await completed(disk, 'ends')
    const all = [
      'completed/ends.yaml',
      'failed/fails.yaml',
      'failed/floods.yaml',
      'failed/sleeps.yaml',
    ]
    await disk.until('all', () => disk.files().join() === all.join())
    const last = (id: string) => disk.runs(id).at(-1)
    await disk.until('their records', () => last('sleeps')?.outcome === 'cancelled')
    expect(last('ends')).toMatchObject({ outcome: 'success', exit_code: 0 })
    expect(last('fails')).toMatchObject({ outcome: 'failed', exit_code: 7 })
    expect(last('floods')).toMatchObject({ outcome: 'failed', exit_code: 1 })
    expect(disk.ledger()).toEqual(['begun', 'begun', 'begun', 'ends'])
    expect(said(disk, /nothing is claimed/)).toBe(1)
    wholeOnly(disk)
    await sameAsFiles(disk)
    await disk.must('orchestrate stop')
  })

  it('stop, add and start say what is wrong, and leave the image of the index whole', async () => {
    const disk = onDisk('size=2m')
    await disk.must('orchestrate start')
    disk.drop('a.yaml', shell('true'))
    await completed(disk, 'a')
    await disk.must('orchestrate stop')
    const image = join(disk.root, 'tasks.db')
    const saved = readFileSync(image)
    expect(saved.length).toBe(saved.readUInt16BE(16) * saved.readUInt32BE(28)) // page size × pages
    await disk.must('orchestrate start')
    disk.write('tasks/drafts/b.yaml', shell('true'))
    disk.fill(1)
    renameSync(join(disk.at.drafts, 'b.yaml'), join(disk.at.state.pending, 'b.yaml'))
    await disk.until('the halt', () => halted(disk))
    disk.fill(0)
    const added = await disk.type('orchestrate add --agent shell "true"')
    expect(added.code).toBe(1)
    expect(added.stderr).toMatch(/the disk is full/)
    expect(added.stderr).not.toMatch(/at .*\.js:|bug/)
    expect((await disk.must('orchestrate stop')).stderr).not.toMatch(/at .*\.js:|bug/)
    expect(readFileSync(image).equals(saved)).toBe(true)
    expect(readdirSync(disk.root).filter((name) => name.startsWith('.tasks.db'))).toEqual([])
    disk.fill(0) // the lock had a page
    const again = await disk.type('orchestrate start')
    expect(again.code).toBe(1)
    expect(again.stderr).toMatch(/the disk is full|ENOSPC|no space/)
    expect(again.stderr).not.toMatch(/at .*\.js:|bug/)
    disk.free()
    await disk.must('orchestrate start')
    await disk.must('orchestrate add --agent shell "true"')
    await completed(disk, 'a', 'b', 'task_001')
    await sameAsFiles(disk)
    await disk.must('orchestrate stop')
  })
})
