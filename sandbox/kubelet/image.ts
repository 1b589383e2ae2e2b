/** Image names: "registry/repository:tag@digest". */

export interface ImageName {
  readonly repository: string;
  /** "latest" when the name has none. */
  readonly tag: string;
}

export function parseImage(image: string): ImageName {
  const withoutDigest = image.split("@")[0] ?? "";
  const slash = withoutDigest.lastIndexOf("/");
  const colon = withoutDigest.indexOf(":", slash + 1);
  if (colon < 0) return { repository: withoutDigest, tag: "latest" };
  return { repository: withoutDigest.slice(0, colon), tag: withoutDigest.slice(colon + 1) };
}
