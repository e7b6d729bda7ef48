// git checkout between two branches over tasks/, as a person changes branches while the queue works. Promises: only
// tasks of its own are tracked, so the rest of the soak keeps its files.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from './command.mjs'
import { fileText } from './task-text.mjs'

/** Tasks that a turn brings; those of the turn before are brought again, like a branch that nobody cleaned up. */
const EACH = 3

export function createCheckout({ world, book, dice, journal }) {
  let before = []

  const git = (words, options = {}) => {
    const said = spawnSync('git', words, {
      ...{ cwd: world.root, encoding: 'utf8', timeout: 60_000, ...options },
      env: { ...world.env, ...options.env },
    })
    if (said.status !== 0) throw new Error(`git ${words.join(' ')}: ${said.stderr}`)
    return said.stdout.trim()
  }

  /** A commit on the other branch that a colleague made: the working tree is not touched. */
  function commit(tasks) {
    const index = join(world.top, 'git-index')
    const env = { GIT_INDEX_FILE: index }
    git(['read-tree', 'main'], { env })
    for (const { name, text } of tasks) {
      const blob = git(['hash-object', '-w', '--stdin'], { input: text })
      git(['update-index', '--add', '--cacheinfo', `100644,${blob},tasks/pending/${name}`], { env })
    }
    const tree = git(['write-tree'], { env })
    git([
      'update-ref',
      'refs/heads/feature',
      git(['commit-tree', tree, '-p', 'main', '-m', 'Tasks']),
    ])
    rmSync(index, { force: true })
  }

  return {
    async turn() {
      if (book.stormy(Date.now(), Date.now(), 'disk full')) return
      const fresh = Array.from({ length: EACH }, () => {
        const id = book.nextId('git')
        const lines = [
          '. "$SOAK_AGENT"',
          'soak start 1',
          `soak sleep ${dice.between(0.1, 1.5).toFixed(2)}`,
        ]
        if (dice.maybe(0.2)) lines.push('soak fail 1')
        const about = {
          id,
          agent: 'shell',
          keys: ['max_retries: 1'],
          priority: null,
          dependencies: [],
        }
        const text = fileText({ ...about, text: [...lines, 'soak stop 1'].join('\n') })
        const task = book.give(id, 'git', Buffer.from(text), { git: true })
        journal.count('given')
        return { name: task.name, text }
      })
      commit([...before, ...fresh])
      before = fresh
      journal.count('git checkout')
      journal.did('git checkout feature', fresh.map(({ name }) => name).join(' '))
      // A task of the last turn that came back to pending/ since: git will not write over it, and changes nothing.
      const { status, stderr } = world.git('checkout', '-q', 'feature')
      if (status !== 0 && !/would be overwritten/.test(stderr)) throw new Error(stderr)
      if (status !== 0) return journal.count('git checkout refused')
      await sleep(dice.between(200, 5000))
      git(['checkout', '-q', 'main'])
      journal.did('git checkout main')
    },
  }
}
