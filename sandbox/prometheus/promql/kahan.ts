/** A sum that keeps the digits a plain one loses (Kahan's, with Neumaier's improvement). */
export class CarefulSum {
  sum = 0;
  private rest = 0;

  add(value: number): void {
    const next = this.sum + value;
    this.rest += Math.abs(this.sum) >= Math.abs(value) ? this.sum - next + value : value - next + this.sum;
    this.sum = next;
  }

  /** NaN once the sum has overflowed. */
  get exact(): number {
    return this.sum + this.rest;
  }

  /** An infinite sum stays what it is. */
  get total(): number {
    return Number.isFinite(this.sum) ? this.exact : this.sum;
  }
}
