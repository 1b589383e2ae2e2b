/** Why the objects that a turn needs cannot be read. */
import { apiVersionOf, type ResourceType } from "../../ports/kubernetes.ts";

/** An object that a turn needs cannot be read. The message is the text of the event. */
export class ReadFailure extends Error {
  /**
   * @param filled settles when the object can be read, or when the operator stops; absent: the turn must be tried again
   */
  constructor(
    message: string,
    readonly filled?: Promise<unknown>,
  ) {
    super(message);
    this.name = "ReadFailure";
  }
}

/** The cluster does not know a kind that the Canary needs. */
export class KindMissing extends ReadFailure {
  constructor({ group, version, kind }: ResourceType) {
    super(
      `kind ${kind} of ${apiVersionOf({ group, version })} is not installed in the cluster: ` +
        "install it, or choose another spec.provider",
    );
    this.name = "KindMissing";
  }
}
