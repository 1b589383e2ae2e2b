/**
 * Tab-separated cells aligned as Go's tabwriter does it for kubectl: a column is as wide as its widest cell in a block.
 */

const PADDING = 2;

/**
 * @param lines cells are ended by tabs; text after the last tab is not padded. A line without tabs ends the block.
 */
export function alignColumns(lines: readonly string[]): string {
  const rows = lines.map((line) => line.split("\t"));
  const widths = rows.map(() => [] as number[]);
  const columns = Math.max(0, ...rows.map((row) => row.length - 1));
  for (let column = 0; column < columns; column += 1) {
    for (let start = 0; start < rows.length; ) {
      let end = start;
      while (end < rows.length && (rows[end]?.length ?? 0) - 1 > column) end += 1;
      if (end === start) {
        start += 1;
        continue;
      }
      const width = Math.max(...rows.slice(start, end).map((row) => row[column]?.length ?? 0)) + PADDING;
      for (let row = start; row < end; row += 1) widths[row]?.push(width);
      start = end;
    }
  }
  return rows.map((row, i) => row.map((cell, j) => cell.padEnd(widths[i]?.[j] ?? 0)).join("")).join("\n");
}

/** "45s", "3m20s", "5h", "2d": how kubectl shows an age. */
export function humanAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  return days < 730 ? `${days}d` : `${Math.floor(days / 365)}y`;
}
