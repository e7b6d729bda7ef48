// The hints of the watcher, for everything that people do to a folder, at any size of it; with real editors and tools.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Watcher, watch } from '../../src/look/watcher.ts'
import { until } from '../process/world.ts'

const NAMES = ['pending', 'assigned', 'completed', 'failed']
let here = ''
let watcher: Watcher | undefined
let hints: { folder: string; name: string | null }[] = []
let failures: unknown[] = []

beforeEach(() => {
  here = mkdtempSync(join(tmpdir(), 'watcher-'))
  failures = []
})
afterEach(async () => {
  await watcher?.close()
  watcher = undefined
  rmSync(here, { recursive: true, force: true })
  if (process.platform === 'linux') expect(watches()).toBe(0)
  expect(failures).toEqual([])
})

/** inotify watches of this process. */
const watches = () =>
  readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify wd/gm) ?? []
    } catch {
      return [] // the one that read the folder
    }
  }).length

async function arm(folders: string[]): Promise<Watcher> {
  watcher = await watch(
    folders,
    (folder, name) => hints.push({ folder, name }),
    (error) => failures.push(error),
  )
  return watcher
}

async function hinted(what: string, folder: string, act: () => void): Promise<void> {
  hints = []
  act()
  await until(`a hint for ${what} in ${basename(folder)}`, () =>
    hints.some((hint) => hint.folder === folder),
  )
}

const sh = (script: string) => execFileSync('sh', ['-c', script])
const vim = spawnSync('which', ['vim']).status === 0

for (const size of [10, 10_000]) {
  describe(`with ${size} files in each folder`, () => {
    it('hints at all that is done, by one watch per folder', async () => {
      const folders = NAMES.map((name) => join(here, name))
      for (const folder of folders) {
        mkdirSync(folder)
        writeFileSync(join(folder, 'old.yaml'), 'x')
        // Links: names are what counts, and quicker to make.
        for (let at = 1; at < size; at++)
          linkSync(join(folder, 'old.yaml'), join(folder, `${at}.yaml`))
      }
      writeFileSync(join(here, 'drop'), 'description: x\n')
      const cpu = process.cpuUsage()
      await arm(folders)
      if (process.platform === 'linux') expect(watches()).toBe(NAMES.length)
      for (const folder of folders) {
        const file = join(folder, 'new.yaml')
        await hinted('cp', folder, () => sh(`cp "${here}/drop" "${file}"`))
        expect(hints.map((hint) => hint.name)).toContain('new.yaml')
        await hinted('an edit in place', folder, () => sh(`echo '# more' >> "${file}"`))
        if (vim) {
          const args = ['-u', 'NONE', '-i', 'NONE', '-es', '-c', 's/x/y/', '-c', 'wq', file]
          await hinted('vim :w', folder, () => spawnSync('vim', args))
        }
        await hinted('mv away', folder, () => renameSync(file, join(here, 'moved')))
        await hinted('mv into it', folder, () => renameSync(join(here, 'moved'), file))
        await hinted('rm', folder, () => rmSync(file))
        await hinted('ln -s', folder, () => symlinkSync('nowhere', file))
      }
      if (process.platform === 'linux') expect(watches()).toBe(NAMES.length)
      // Had chokidar read the folders as it likes to, this would be 2 s for 10,000 files, without it 0.05.
      const { user, system } = process.cpuUsage(cpu)
      expect((user + system) / 1000).toBeLessThan(600)
    })
  })
}

it.skipIf(process.getuid?.() === 0)('says once that it cannot watch, and goes on', async () => {
  const [shut, open] = [join(here, 'shut'), join(here, 'open')]
  mkdirSync(shut)
  mkdirSync(open)
  chmodSync(shut, 0)
  const { rearm } = await arm([shut, open])
  await rearm()
  expect(failures.splice(0)).toMatchObject([{ code: 'NOT_WATCHED' }])
  await hinted('a drop', open, () => writeFileSync(join(open, 'new.yaml'), 'x'))
  chmodSync(shut, 0o700)
  await rearm()
  await hinted('a drop', shut, () => writeFileSync(join(shut, 'new.yaml'), 'x'))
})

describe('rearm', () => {
  const drop = (folder: string) => () => writeFileSync(join(folder, 'new.yaml'), 'x')

  it('finds a folder that was not there', async () => {
    const [there, later] = [join(here, 'there'), join(here, 'later')]
    mkdirSync(there)
    const { rearm } = await arm([there, later])
    await hinted('a drop', there, drop(there))
    mkdirSync(later)
    await rearm()
    await hinted('a drop', later, drop(later))
    if (process.platform === 'linux') expect(watches()).toBe(2)
  })

  it('finds a folder that was deleted and made again, or replaced by another', async () => {
    const folder = join(here, 'pending')
    mkdirSync(folder)
    const { rearm } = await arm([folder])
    for (let round = 0; round < 5; round++) {
      // The new one often has the same inode number.
      await hinted('rm -r', folder, () => rmSync(folder, { recursive: true }))
      if (round % 2) await rearm()
      mkdirSync(folder)
      await rearm()
      await hinted('a drop', folder, drop(folder))
    }
    mkdirSync(join(here, 'other'))
    sh(`mv "${folder}" "${here}/aside" && mv "${here}/other" "${folder}"`)
    await rearm()
    await hinted('a drop', folder, drop(folder))
    if (process.platform === 'linux') expect(watches()).toBe(1)
  })

  it('changes nothing when nothing changed, and may be called at once', async () => {
    const folder = join(here, 'pending')
    mkdirSync(folder)
    const { rearm, close } = await arm([folder])
    await Promise.all([rearm(), rearm(), rearm()])
    await hinted('a drop', folder, drop(folder))
    await Promise.all([rearm(), close(), rearm()])
    rmSync(folder, { recursive: true })
    mkdirSync(join(here, 'other'))
    mkdirSync(folder)
    await rearm() // after the end: nothing
    if (process.platform === 'linux') expect(watches()).toBe(0)
  })

  it('watches a folder that is a link to one', async () => {
    const [real, link] = [join(here, 'real'), join(here, 'pending')]
    mkdirSync(real)
    symlinkSync('real', link)
    await arm([link])
    await hinted('a drop', link, drop(real))
  })
})
