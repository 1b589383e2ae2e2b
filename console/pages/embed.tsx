/** One canary without the frame of the console, for other pages: Argo CD, Headlamp, Backstage. */
import { href, path, signedOut } from "../api.ts";
import { Empty, Link } from "../parts.tsx";
import { CanaryPage } from "./canary.tsx";
import { RunPage } from "./run.tsx";

/** /embed/canaries/NAMESPACE/NAME and /embed/runs/NAMESPACE/ID. Links lead out of the frame. */
export function Embed() {
  const [, kind = "", namespace = "", name = ""] = path.value.split("/").filter(Boolean);
  const known = (kind === "canaries" || kind === "runs") && namespace !== "" && name !== "";
  return (
    <main id="page" class="embed">
      {signedOut.value !== undefined ? (
        <Empty page="Aviary" title="Sign in">
          <p>
            <a href={href("/")} target="_blank" rel="noreferrer">
              Open the console
            </a>{" "}
            and sign in there, then load this page again.
          </p>
        </Empty>
      ) : !known ? (
        <Empty page="Aviary" title="There is no such page">
          <p>
            Use <code>/embed/canaries/NAMESPACE/NAME</code> or <code>/embed/runs/NAMESPACE/ID</code>.
          </p>
        </Empty>
      ) : (
        <>
          {kind === "canaries" ? (
            <CanaryPage namespace={namespace} name={name} />
          ) : (
            <RunPage namespace={namespace} id={name} />
          )}
          <p class="dim small">
            <Link to={`/${kind}/${namespace}/${name}`}>Open in the console</Link>
          </p>
        </>
      )}
    </main>
  );
}
