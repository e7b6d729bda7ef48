// How editors and tools save a file, as lines for a shell: the real programs, and the sequences of VS Code and JetBrains as
// they were recorded. Each leaves the text of `text` in `file`, and takes longer than a task needs to settle.
import { spawnSync } from 'node:child_process'

export const has = (...programs: string[]) =>
  programs.every((program) => spawnSync('which', [program]).status === 0)

/** What is not here, with what it is called in Debian: its cases are left out. */
export const lacking = Object.entries({
  'vim and bsdutils': ['vim', 'script'],
  'emacs-nox': ['emacs'],
  rsync: ['rsync'],
}).flatMap(([name, programs]) => (has(...programs) ? [] : name))

type Save = (file: string, text: string) => string

/** A first save of half the work, a second of all of it, on a terminal of its own. */
const vim =
  (options: string): Save =>
  (file, text) => {
    const keys = [`set ${options} backupskip=`, '%d', `r ${text}`, '1d', '%s/new/half/e', 'w']
    const typed = [...keys, 'sleep 500m', '%s/half/new/e', 'wq'].map((key) => `-c "${key}"`)
    return `script -qc 'vim -u NONE -N ${typed.join(' ')} ${file}' /dev/null </dev/null`
  }

/** With its lock and its backup, which it does without in /tmp. */
const emacs: Save = (file, text) => `emacs -Q --batch ${file} --eval '(progn
  (setq backup-enable-predicate (lambda (name) t))
  (erase-buffer) (insert-file-contents "${text}") (goto-char (point-min))
  (while (search-forward "new" nil t) (replace-match "half"))
  (sleep-for 0.5) (save-buffer) (sleep-for 0.2) (goto-char (point-min))
  (while (search-forward "half" nil t) (replace-match "new"))
  (sleep-for 0.5) (save-buffer))'`

/** They change what is there, or make it. */
export const SAVES: Record<string, Save> = {
  ...(has('vim', 'script') && {
    vim: vim('writebackup backupcopy=auto'), // 4913, renames, swap
    'vim-backup': vim('backup backupcopy=no'),
    'vim-undo': vim('writebackup undofile'),
    'vim-copy': vim('writebackup backupcopy=yes'),
  }),
  ...(has('emacs') && { emacs }),
  ...(has('rsync') && {
    rsync: (file, text) => `rsync -t ${text} ${file}`,
    'rsync-inplace': (file, text) => `rsync -t --inplace ${text} ${file}`,
  }),
  tar: (file, text) =>
    `tar -C $(dirname ${text}) --transform 's,.*,${file},' -cf - $(basename ${text}) | tar xf -`,
  'cp-p': (file, text) => `cp -p ${text} ${file}`,
  fifo: (file, text) => `mkfifo ${text}.fifo; cp ${text}.fifo ${file} & exec 9>${text}.fifo
    head -c 20 ${text} >&9; sleep 0.9; tail -c +21 ${text} >&9; exec 9>&-; wait`,
  pause: (file, text) =>
    `exec 3>${file}; head -c 20 ${text} >&3; sleep 0.9; tail -c +21 ${text} >&3`,
  crlf: (file, text) => `sed 's/$/\\r/' ${text} >${file}`,
  bom: (file, text) => `{ printf '\\357\\273\\277'; cat ${text}; } >${file}`,
}

/** They change what is there. */
export const CHANGES: Record<string, Save> = {
  ...SAVES,
  sed: (file) => `sed -i -e /^not_before/d -e s/old/new/ ${file}`,
  perl: (file) => `perl -i -ne 'next if /^not_before/; s/old/new/; print' ${file}`,
  'vs-code': (file, text) =>
    `truncate -s 0 ${file}; sleep 0.9; dd if=${text} of=${file} conv=notrunc status=none`,
  jetbrains: (file, text) => `cp ${text} ${file}___jb_tmp___; mv ${file} ${file}___jb_old___
    sleep 0.1; mv ${file}___jb_tmp___ ${file}; rm ${file}___jb_old___`,
}
