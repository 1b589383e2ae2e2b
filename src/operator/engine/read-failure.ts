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
