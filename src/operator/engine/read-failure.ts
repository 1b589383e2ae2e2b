/** What a turn needs to see cannot be seen; the message is the text of the event. */
export class ReadFailure extends Error {
  /** @param filled settles when it can be seen, or when the operator stops; absent: trying again is all that helps */
  constructor(
    message: string,
    readonly filled?: Promise<unknown>,
  ) {
    super(message);
    this.name = "ReadFailure";
  }
}
