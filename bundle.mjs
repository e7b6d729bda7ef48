// Makes dist/cli, the command line as it is shipped: a few CommonJS files from src/cli (src/README.md says why).
// Promises: what `status` and `add` need of a running orchestrator lies in one file; the rest stays in files of its own,
// and other packages stay outside, each loaded by the command that uses it. A warning fails the build.
import { readFileSync } from 'node:fs'
import { build } from 'rolldown'

const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
/** chokidar is an ES module, and to `require` one is called experimental by some versions of node that we support. */
const INSIDE = ['chokidar']

/** Files of several modules, and what those import statically: the first that wants a module gets it. */
const groups = [
  { name: 'main', test: /\/src\/cli\/main\.ts$/ },
  // What `add` needs to write where nothing runs.
  { name: 'write', test: /\/src\/cli\/stopped-changes\.ts$/ },
]

const folder = {
  name: 'a-folder-of-commonjs',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "commonjs" }\n' })
  },
}

await build({
  cwd: import.meta.dirname,
  input: 'src/cli/main.ts',
  platform: 'node',
  external: Object.keys(dependencies).filter((name) => !INSIDE.includes(name)),
  plugins: [folder],
  checks: { ineffectiveDynamicImport: false },
  onLog: (level, log, pass) => pass(level === 'warn' ? 'error' : level, log),
  output: {
    dir: 'dist/cli',
    cleanDir: true,
    format: 'cjs',
    // `import()` would start node's other module loader: a tenth of a short command's time.
    dynamicImportInCjs: false,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: { groups },
  },
})
