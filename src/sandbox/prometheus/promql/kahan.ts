/** A sum that keeps the digits a plain one loses (Kahan's, with Neumaier's improvement). */
export class CarefulSum {
  sum = 0;
  private rest = 0;

  add(value: number): void {
    const next = this.sum + value;
    // Once infinite there is nothing to keep, and the difference would be NaN.
    if (Number.isFinite(next)) {
      this.rest += Math.abs(this.sum) >= Math.abs(value) ? this.sum - next + value : value - next + this.sum;
    }
    this.sum = next;
  }

  get total(): number {
    return Number.isFinite(this.sum) ? this.sum + this.rest : this.sum;
  }
}
