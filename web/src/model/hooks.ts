// What keys ask of parts of the page, filled in by the page when it is put together.

export const hooks = {
  filter: (): void => undefined,
  pause: (): void => undefined,
  theme: (): void => undefined,
  copy: (): void => undefined,
  fit: (): void => undefined,
  tidy: (): void => undefined,
  fold: (): void => undefined,
  zoom: (_factor: number): void => undefined,
  /** Closes what is open in passing; false if nothing is. */
  close: (): boolean => false,
};

export function chipOpenReset(): boolean {
  return hooks.close();
}
