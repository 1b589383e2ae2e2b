/** Long work is divided among frames: the browser draws in between, and no frame waits for all of it. */

/** A page that nobody sees has no frames. */
const UNSEEN_MS = 100;

/** Resolves when the browser has drawn. */
export function nextFrame(): Promise<void> {
  return new Promise((resume) => {
    const unseen = setTimeout(resume, UNSEEN_MS);
    requestAnimationFrame(() => {
      clearTimeout(unseen);
      setTimeout(resume);
    });
  });
}
