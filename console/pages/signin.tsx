/** How to sign in, in the way that this console was started for. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Mode } from "../../src/console/types.ts";
import { get, href, path, post, query, type Refused, refusedOf } from "../api.ts";
import { Loading } from "../parts.tsx";
import { useTitle } from "./reading.ts";

export function SignIn({ problem }: { problem: Refused }) {
  useTitle("Sign in");
  const mode = useSignal<Mode | undefined>(undefined);
  const trouble = useSignal("");
  useEffect(() => {
    get<{ mode: Mode }>("/login").then(
      (answer) => {
        mode.value = answer.mode;
      },
      (error: unknown) => {
        trouble.value = refusedOf(error).message;
      },
    );
  }, []);
  if (trouble.value !== "") return <p class="notice bad">{trouble.value}</p>;
  if (mode.value === undefined) return <Loading what="how to sign in" />;
  return (
    <div class="notice" role="alert">
      <h1>Sign in</h1>
      <Way mode={mode.value} problem={problem} />
    </div>
  );
}

function Way({ mode, problem }: { mode: Mode; problem: Refused }) {
  switch (mode) {
    case "token":
      return <ByToken />;
    case "oidc":
      return (
        <p>
          <a class="button main" href={href(`/login?to=${encodeURIComponent(path.value + query.value)}`)}>
            Sign in at your identity provider
          </a>
        </p>
      );
    case "proxy":
      return <p>The proxy in front of this console names no user. Sign in there, then load this page again.</p>;
    default:
      return (
        <>
          <p>{problem.message}</p>
          <p>
            Start <code>aviary console</code> on this machine and open the link that it prints. The link works once.
          </p>
        </>
      );
  }
}

function ByToken() {
  const token = useSignal("");
  const said = useSignal("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        post("/login", { token: token.value }).then(
          () => location.reload(),
          (error: unknown) => {
            said.value = refusedOf(error).message;
          },
        );
        // The token goes to the server and stays in no part of the page.
        token.value = "";
      }}
    >
      <label>
        A bearer token of this cluster{" "}
        <input
          type="password"
          autocomplete="off"
          required
          value={token.value}
          onInput={(event) => {
            token.value = event.currentTarget.value;
          }}
        />
      </label>{" "}
      <button type="submit" class="main">
        Sign in
      </button>
      <p class="dim">
        For example of <code>kubectl create token NAME</code>. What you may do is what the API server lets that account
        do.
      </p>
      {said.value !== "" && (
        <p class="bad" role="alert">
          {said.value}
        </p>
      )}
    </form>
  );
}
