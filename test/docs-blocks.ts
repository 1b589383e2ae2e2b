/** The command blocks of a page of the documentation. */

export interface CommandBlock {
  readonly commands: string;
  /** The comment above the block: `needs: ...`, `run by: ...`, `page: example`; undefined when there is none. */
  readonly mark: string | undefined;
}

export function commandBlocks(page: string): readonly CommandBlock[] {
  const blocks = page.matchAll(/(?:<!-- ([^>]*?) -->\n)?^[ \t]*```(?:sh|bash|shell)\n([\s\S]*?)^[ \t]*```$/gm);
  return [...blocks].map(([, mark, commands = ""]) => ({ mark, commands }));
}
