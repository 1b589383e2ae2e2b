/** Numbers and times as people read them. */

export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.round(hours / 24)} d`;
}

export const clock = (at: number | string): string =>
  new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export const day = (at: number | string): string =>
  new Date(at).toLocaleString([], {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });

export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return value.toLocaleString([], { maximumFractionDigits: Math.abs(value) < 10 ? 3 : 2 });
}

/** @param ms how long */
export const span = (ms: number): string => ago(0, ms);

export function took(from: string, to: string | undefined): string {
  return to === undefined ? "under way" : ago(Date.parse(from), Date.parse(to));
}

/** "ghcr.io/team/app:1.2" -> "app:1.2": the whole name is in the title. */
export const shortImage = (image: string): string => image.split("/").at(-1) ?? image;

/** "paused by alice" -> "Paused by alice." The server's texts stand behind other words elsewhere. */
export function asSentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole === "" || /[.!?…:"]$/.test(whole) ? whole : `${whole}.`;
}
