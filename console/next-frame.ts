/** Long work is divided among frames: the browser draws in between, and no frame waits for all of it. */

/** A page in the background has no frames. */
const BACKGROUND_MS = 100;

/** Resolves when the browser has drawn. */
export function nextFrame(): Promise<void> {
  return new Promise((resume) => {
    const late = setTimeout(resume, BACKGROUND_MS);
    requestAnimationFrame(() => {
      clearTimeout(late);
      setTimeout(resume);
    });
  });
}
