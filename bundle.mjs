// Makes dist/cli, the command line as it is shipped: a few CommonJS files from src/cli (src/README.md says why).
// Promises: what `status` and `add` need of a running orchestrator lies in one file; the rest stays in files of its own,
// and so does each package, in it or outside, loaded by the command that uses it. A warning fails the build.
import { readdirSync, readFileSync } from 'node:fs'
import { build } from 'rolldown'

const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
/**
 * Packages that lie in the bundle, too. chokidar is an ES module, and to `require` one is called experimental by some versions of
 * node that we support; the others are dozens of small files: yaml alone costs 50 ms by itself, and 20 in the bundle.
 */
const INSIDE = ['chokidar', 'cross-spawn', 'proper-lockfile', 'write-file-atomic', 'yaml']

/** Files of several modules, and what those import statically: the first that wants a module gets it. */
const groups = [
  { name: 'main', test: /\/src\/cli\/main\.ts$/ },
  // What `add` needs to write where nothing runs.
  { name: 'write', test: /\/src\/cli\/stopped-changes\.ts$/ },
]

const folder = {
  name: 'a-folder-of-commonjs',
  generateBundle() {
    const asset = (fileName, source) => this.emitFile({ type: 'asset', fileName, source })
    asset('package.json', '{ "type": "commonjs" }\n')
    asset('LICENSES.txt', licences(this.getModuleIds()))
  },
}

/** Of the packages whose code lies in the bundle: their terms ask for it. */
function licences(modules) {
  const folders = [...modules].flatMap(
    (id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? [],
  )
  const text = (folder) => {
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
    const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
    return `${name} ${version}\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`
  }
  return [...new Set(folders)].sort().map(text).join('\n---\n\n')
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
