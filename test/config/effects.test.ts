// Every key of the configuration has its effect (DESIGN 6), shown on the whole program: config.yaml in, behaviour out.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Composed, compose } from '../../src/cli/compose.ts'
import { type Workspace, workspace } from '../../src/files/workspace.ts'
import { shell } from '../core/harness.ts'

let rooms: { at: Workspace; program: Composed }[] = []
afterEach(async () => {
  for (const { at, program } of rooms) {
    program.stop('now')
    await program.stopped
    rmSync(at.root, { recursive: true, force: true })
  }
  rooms = []
})

async function begin(config: string, agents?: string) {
  const at = workspace(mkdtempSync(join(tmpdir(), 'effects-')))
  writeFileSync(at.config, config)
  const notes: string[] = []
  const program = await compose(at, {
    agents,
    env: process.env,
    announce: (said) => notes.push(...said),
    heed() {},
  })
  rooms.push({ at, program })
  const room = {
    ...{ at, program, notes },
    drop: (name: string, text: string) =>
      writeFileSync(join(at.state.pending, `${name}.yaml`), text),
    row: (id: string) => program.tasks()?.find((task) => task.id === id),
    read: (path: string) => readFileSync(join(at.root, path), 'utf8'),
    async until(what: string, condition: () => boolean | Promise<boolean>, ms = 30_000) {
      const end = Date.now() + ms
      while (!(await condition())) {
        if (Date.now() > end)
          throw new Error(
            `waited in vain for ${what}\n${JSON.stringify(program.tasks(), null, 1)}\n${readFileSync(at.log, 'utf8')}`,
          )
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    status: (id: string, status: string) =>
      room.until(`${id} ${status}`, () => room.row(id)?.status === status),
  }
  return room
}
const QUICK = 'task_queue: { retry_delay_seconds: 0, max_retries: 0, settle_ms: 20 }\n'

describe('agents.<type>', () => {
  it('command, max_instances, env', async () => {
    const room = await begin(
      `${QUICK}agents:\n  mine: { command: 'sh', max_instances: 3, env: { COLOUR: blue } }\n  shell: { max_instances: 0 }\n`,
    )
    expect(room.program.picture().agents.map((agent) => agent.type)).toEqual([
      'mine',
      'mine',
      'mine',
    ])
    room.drop('a', 'description: echo $COLOUR >colour; exit\n')
    await room.status('a', 'completed')
    expect(room.read('colour')).toBe('blue\n')
  })

  it('timeout_seconds comes before the queue, after the task', async () => {
    const room = await begin(`${QUICK}agents: { mine: { command: sh, timeout_seconds: 1 } }\n`)
    room.drop('a', 'description: sleep 600\n')
    room.drop('b', 'description: sleep 2; exit\ntimeout_minutes: 5\n')
    await room.status('a', 'failed')
    expect(room.row('a')).toMatchObject({ outcome: 'timeout' })
    await room.status('b', 'completed')
  })

  it('retry_on_failure: false asks a person at once', async () => {
    const room = await begin(
      'task_queue: { retry_delay_seconds: 0, settle_ms: 20 }\nagents: { mine: { command: sh, retry_on_failure: false } }\n',
    )
    room.drop('a', 'description: exit 1\n')
    await room.status('a', 'failed')
    expect(room.row('a')).toMatchObject({ attempt: 1, needs_review: true })
  })

  it('max_output_mb ends a run that prints too much, and asks a person at once', async () => {
    const room = await begin(
      'task_queue: { retry_delay_seconds: 0, settle_ms: 20 }\nagents: { shell: { max_output_mb: 1 } }\n',
    )
    room.drop('a', shell('yes >&2'))
    await room.status('a', 'failed')
    const error = 'it wrote more than 1 MB of output'
    expect(room.row('a')).toMatchObject({
      attempt: 1,
      needs_review: true,
      outcome: 'failed',
      error,
    })
    expect(statSync(join(room.at.runs, 'a/1/stderr')).size).toBeGreaterThan(1 << 20)
  })

  it('inherit_env: minimal keeps the rest of our environment to ourselves', async () => {
    process.env.EFFECTS_SECRET = 'hush'
    const room = await begin(
      `${QUICK}agents: { all: { command: sh, max_instances: 1 }, few: { command: sh, inherit_env: minimal } }\n`,
    )
    for (const agent of ['all', 'few'])
      room.drop(
        agent,
        `description: echo "$EFFECTS_SECRET-$HOME" >${agent}.txt; exit\npreferred_agent: ${agent}\n`,
      )
    await room.status('all', 'completed')
    await room.status('few', 'completed')
    delete process.env.EFFECTS_SECRET
    expect(room.read('all.txt')).toBe(`hush-${process.env.HOME}\n`)
    expect(room.read('few.txt')).toBe(`-${process.env.HOME}\n`)
  })

  it('{prompt_file} is replaced by its path', async () => {
    const room = await begin(
      `${QUICK}agents: { mine: { command: 'cp {prompt_file} prompt.txt' } }\n`,
    )
    room.drop('a', 'description: the words\n')
    await room.status('a', 'completed')
    expect(room.read('prompt.txt')).toContain('the words')
  })

  it('--agents replaces the slots', async () => {
    const room = await begin(
      `${QUICK}agents: { mine: { command: sh, max_instances: 4 } }\n`,
      'mine:1,shell:2',
    )
    expect(room.program.picture().agents.map((agent) => agent.type)).toEqual([
      'mine',
      'shell',
      'shell',
    ])
  })
})

describe('task_queue', () => {
  it('timeout_minutes', async () => {
    const room = await begin(
      'task_queue: { timeout_minutes: 0.01, max_retries: 0, settle_ms: 20 }\n',
    )
    room.drop('a', shell('sleep 600'))
    await room.status('a', 'failed')
    expect(room.row('a')?.outcome).toBe('timeout')
  })
  it('max_retries and retry_delay_seconds', async () => {
    const room = await begin(
      'task_queue: { max_retries: 1, retry_delay_seconds: 1, settle_ms: 20 }\n',
    )
    room.drop('a', shell('date +%s%N >>times; exit 1'))
    await room.until('the reason', () =>
      /attempt 1 failed .*again at/.test(room.row('a')?.reason ?? ''),
    )
    await room.status('a', 'failed')
    const [first = 0, second = 0, ...more] = room
      .read('times')
      .trim()
      .split('\n')
      .map((text) => Number(text) / 1e6)
    expect(more).toEqual([])
    expect(second - first).toBeGreaterThanOrEqual(1000)
  })
  it('max_size holds a surplus drop, and refuses an add', async () => {
    const room = await begin('task_queue: { max_size: 1, settle_ms: 20 }\n')
    const wait = shell('true', 'not_before: 2999-01-01\n')
    room.drop('a', wait)
    room.drop('b', wait)
    await room.until('b held', () =>
      (room.program.tasks() ?? []).some(
        (task) => task.status === 'held' && /queue is full/.test(task.reason ?? ''),
      ),
    )
    await expect(room.program.orchestrator.add([{ description: 'c' }])).rejects.toMatchObject({
      code: 'FULL',
    })
  })
  it('default_priority', async () => {
    const room = await begin('task_queue: { default_priority: low, settle_ms: 20 }\n')
    room.drop('a', shell('true'))
    await room.status('a', 'completed')
    expect(room.row('a')?.priority).toBe('low')
  })
  it('settle_ms', async () => {
    const room = await begin('task_queue: { settle_ms: 1500 }\n')
    const begun = performance.now()
    room.drop('a', shell('true'))
    await room.status('a', 'completed')
    expect(performance.now() - begun).toBeGreaterThan(1500)
  })
  it('on_interrupt: hold', async () => {
    const room = await begin('task_queue: { on_interrupt: hold, settle_ms: 20 }\n')
    room.drop('a', shell('kill -9 $PPID $$'))
    await room.status('a', 'failed')
    expect(room.row('a')).toMatchObject({ outcome: 'interrupted', needs_review: true, attempt: 1 })
  })
})

describe('the rest', () => {
  it('database, context.directory, update_on_completion', async () => {
    const room = await begin(
      `${QUICK}orchestrator: { database: ./elsewhere.db }\ncontext: { directory: ./shared, update_on_completion: false }\n`,
    )
    room.drop('a', shell('echo hi'))
    await room.status('a', 'completed')
    room.program.stop('wait')
    await room.program.stopped
    expect(existsSync(join(room.at.root, 'elsewhere.db'))).toBe(true)
    expect(room.read('shared/agent_outputs/a_output.md')).toContain('hi')
    expect(existsSync(join(room.at.root, 'shared/completed_tasks.json'))).toBe(false)
    expect(existsSync(join(room.at.root, 'context'))).toBe(false)
  })
  it('log_level', async () => {
    const room = await begin(`${QUICK}orchestrator: { log_level: ERROR }\n`)
    room.drop('a', shell('true'))
    await room.status('a', 'completed')
    expect(existsSync(room.at.log) ? readFileSync(room.at.log, 'utf8') : '').toBe('')
  })
  it('enable_metrics and metrics_port', async () => {
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const address = probe.address()
        probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
      })
    })
    const room = await begin(
      `${QUICK}monitoring: { enable_metrics: true, metrics_port: ${port} }\n`,
    )
    room.drop('a', shell('true'))
    await room.status('a', 'completed')
    const text = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    await room.until('the counter', async () =>
      /orchestrate_runs_total\{[^}]*success[^}]*\} 1/.test(await text()),
    )
    expect(await text()).toMatch(/orchestrate_tasks\{state="completed"\} 1/)
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
  })
  it('health_check_interval: a missing command is found when it comes', async () => {
    const room = await begin(
      `${QUICK}monitoring: { health_check_interval: 1 }\nagents: { mine: { command: ./tool } }\n`,
    )
    expect(room.program.picture().agents[0]).toMatchObject({ type: 'mine', state: 'missing' })
    expect(room.notes.join(' ')).toMatch(/mine.*tool/)
    room.drop('a', 'description: x\n')
    await room.until('the reason', () => /not on this machine/.test(room.row('a')?.reason ?? ''))
    writeFileSync(join(room.at.root, 'tool'), '#!/bin/sh\ncat >/dev/null\n', { mode: 0o755 })
    await room.status('a', 'completed')
  })
  it('an edited configuration is taken up; a broken edit leaves the last good one', async () => {
    const room = await begin(`${QUICK}agents: { shell: { max_instances: 1 } }\n`)
    const agents = () => room.program.picture().agents.length
    writeFileSync(room.at.config, `${QUICK}agents: { shell: { max_instances: 3 } }\n`)
    await room.until('three agents', () => agents() === 3)
    writeFileSync(room.at.config, `${QUICK}agents: { shell: { max_instnces: 5 } }\n`)
    await room.until('the sentence', () =>
      /did you mean `max_instances`/.test(readFileSync(room.at.log, 'utf8')),
    )
    expect(agents()).toBe(3)
    room.drop('a', shell('true'))
    await room.status('a', 'completed')
  })
})

describe('performance', () => {
  const agents = 'agents: { shell: { max_instances: 2 } }\n'
  it('max_memory_mb: nothing more is claimed while the agents use too much', async () => {
    const room = await begin(`${QUICK}${agents}performance: { max_memory_mb: 100 }\n`)
    room.drop(
      'a',
      shell(
        `exec node -e 'const b = Buffer.alloc(3e8, 1); setInterval(() => require("fs").existsSync("go") && process.exit(), 100)'`,
      ),
    )
    await room.until('the sentence', () =>
      /MB of memory \(performance.max_memory_mb is 100\)/.test(readFileSync(room.at.log, 'utf8')),
    )
    room.drop('b', shell('true'))
    await room.until('the reason', () => /max_memory_mb/.test(room.row('b')?.reason ?? ''))
    writeFileSync(join(room.at.root, 'go'), '')
    await room.status('b', 'completed')
  }, 90_000)
  it('max_cpu_percent: goes on by itself', async () => {
    const room = await begin(`${QUICK}${agents}performance: { max_cpu_percent: 10 }\n`)
    room.drop('a', shell('while ! test -e go; do :; done'))
    await room.until('the sentence', () =>
      /max_cpu_percent is 10/.test(readFileSync(room.at.log, 'utf8')),
    )
    room.drop('b', shell('true'))
    await room.until('the reason', () => /max_cpu_percent/.test(room.row('b')?.reason ?? ''))
    writeFileSync(join(room.at.root, 'go'), '')
    await room.status('b', 'completed')
  }, 90_000)
  it('max_disk_io_mbps', async () => {
    const room = await begin(`${QUICK}${agents}performance: { max_disk_io_mbps: 1 }\n`)
    room.drop(
      'a',
      shell(
        'while ! test -e go; do dd if=/dev/zero of=big bs=1M count=30 conv=fsync 2>/dev/null; done',
      ),
    )
    await room.until('the sentence', () =>
      /max_disk_io_mbps is 1/.test(readFileSync(room.at.log, 'utf8')),
    )
    writeFileSync(join(room.at.root, 'go'), '')
    await room.status('a', 'completed')
  }, 90_000)
})
