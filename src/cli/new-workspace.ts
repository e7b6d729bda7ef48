// Makes a workspace, or adds what is missing to one. Promises: what is there stays as it is, but `.gitignore`, which
// gets the lines it lacks; twice is once; returns what was made.
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { configTemplate } from '../config/template.ts'
import { assertInside, writeWhole } from '../files/files.ts'
import type { Workspace } from '../files/workspace.ts'
import { STATES } from '../types.ts'
import { found } from './agents-here.ts'
import { PAGES, SAMPLE } from './new-pages.ts'
import { packaged } from './package.ts'

const IGNORED = ['tasks/assigned/', '.orchestrate/', 'tasks.db']

/** What every start needs: the folders, and the schemas that editors check our files against. Paths that were made. */
export async function makeFolders(at: Workspace): Promise<string[]> {
  const schemas = join(at.home, 'schema')
  await assertInside(at.root, ...Object.values(at.state), at.drafts, at.runs, schemas)
  const made: string[] = []
  const folders = [...STATES.map((state) => at.state[state]), at.drafts]
  // Not by the umask: a folder that a group may write would be refused at start.
  for (const folder of folders)
    if (await mkdir(folder, { recursive: true, mode: 0o755 })) made.push(folder)
  await mkdir(at.runs, { recursive: true, mode: 0o700 })
  await copySchemas(schemas)
  return made.map((folder) => `${relative(at.root, folder)}/`)
}

/** The config.yaml of a new workspace, with the agents of this machine. */
export const firstConfig = (env: NodeJS.ProcessEnv): string =>
  configTemplate('.orchestrate/schema/config.schema.json', found(env))

/** All of it. `config`: the text of config.yaml. */
export async function makeWorkspace(at: Workspace, config: string): Promise<string[]> {
  await mkdir(at.root, { recursive: true, mode: 0o755 })
  const made = await makeFolders(at)
  const context = join(at.root, 'context')
  await mkdir(join(context, 'agent_notes'), { recursive: true, mode: 0o755 })
  await mkdir(join(context, 'agent_outputs'), { recursive: true, mode: 0o755 })
  await once(at.config, config)
  const pages = Object.entries(PAGES).map(([name, text]): [string, string] => [
    join(context, name),
    text,
  ])
  for (const [path, text] of [...pages, [join(at.drafts, 'example.yaml'), SAMPLE] as const])
    await once(path, text)
  const lacking = await ignore(join(at.root, '.gitignore'))
  return lacking ? [...made, `.gitignore (${lacking})`] : made

  /** RACE: a person may make it at the same time; theirs stays. */
  async function once(path: string, text: string): Promise<void> {
    try {
      await writeFile(path, text, { flag: 'wx', mode: 0o644 })
      made.push(relative(at.root, path))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

async function ignore(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const have = new Set(text.split(/\r?\n/).map((line) => line.trim().replace(/^\//, '')))
  const lacking = IGNORED.filter((line) => !have.has(line) && !have.has(line.replace(/\/$/, '')))
  if (lacking.length === 0) return null
  const gap = text === '' || text.endsWith('\n') ? '' : '\n'
  await appendFile(path, `${gap}${lacking.join('\n')}\n`, { mode: 0o644 })
  return lacking.join(', ')
}

/**
 * From the package into the workspace, so that the first line of our files leads there without a network. What is there and the
 * same is left alone: a start on a full disk writes nothing for it.
 */
async function copySchemas(to: string): Promise<void> {
  const from = packaged('schema')
  const names = await readdir(from).catch(() => []) // not built: editors do without
  if (names.length > 0) await mkdir(to, { recursive: true, mode: 0o755 })
  for (const name of names) {
    const [text, there] = [await readFile(join(from, name), 'utf8'), join(to, name)]
    if (text !== (await readFile(there, 'utf8').catch(() => null))) await writeWhole(there, text)
  }
}
