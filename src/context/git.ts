// One git command that only reads. Promises: stdout on exit 0, else null; ended with its time; stdout bounded,
// a name cut in two at its end left out; not led astray by a hook's environment.
import spawn from 'cross-spawn'

/** 100,000 long paths. */
const MOST_BYTES = 16 << 20
/** What git sets for its hooks; it would make us look at another repository. */
const HOOK = /^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|COMMON_DIR|OBJECT_DIRECTORY|NAMESPACE)$/

export function git(
  cwd: string,
  args: string[],
  inherited: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | null> {
  const env: NodeJS.ProcessEnv = { ...inherited, GIT_OPTIONAL_LOCKS: '0' }
  for (const key of Object.keys(env)) if (HOOK.test(key)) delete env[key]
  return new Promise((resolve) => {
    // fsmonitor would leave a daemon behind
    const child = spawn('git', ['-c', 'core.fsmonitor=false', ...args], {
      cwd,
      env,
      signal,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const chunks: Buffer[] = []
    let length = 0
    child.stdout?.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > MOST_BYTES) child.kill('SIGKILL')
    })
    child.on('error', () => resolve(null)) // no git, or its time is over
    child.on('close', (code) => {
      const text = Buffer.concat(chunks).toString()
      if (length > MOST_BYTES) resolve(text.slice(0, text.lastIndexOf('\0') + 1))
      else resolve(code === 0 ? text : null)
    })
  })
}
