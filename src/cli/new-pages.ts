// The first text of the pages that `init` makes. Pure text. Promises: they read as empty (no list item, no module),
// so that an agent is told nothing that nobody wrote.

export const PAGES: Record<string, string> = {
  'project_overview.md': `## Project

<!-- What this project is, its phase, its tools. Every agent is pointed to this page. -->
`,
  'objectives.md': `## Objectives

<!-- A list, one objective an item; a ticked box is done. -->
`,
  'known_issues.md': `## Known issues

<!-- A list, one issue an item. Agents add what they find. -->
`,
  'code_structure.md': `## Code structure

<!-- A list of module and description, with a colon between them. -->
`,
}

/** In drafts, which are never read: \`mv\` makes it a task. */
export const SAMPLE = `# yaml-language-server: $schema=../../.orchestrate/schema/task.schema.json
# A task. Here in drafts it is never read; to have it done:  mv tasks/drafts/example.yaml tasks/pending/
description: |
  echo "Hello from the shell agent. This workspace holds:"
  ls
preferred_agent: shell
# priority: high
# dependencies: [task_001]
# context_files: [context/project_overview.md]
# timeout_minutes: 10
`
