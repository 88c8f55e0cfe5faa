export interface Point {
  x: number
  y: number
}

/** Ordinary least squares: the slope of `y` over `x`, and its standard error. */
export const linearFit = (points: Point[]): { slope: number; error: number } => {
  const n = points.length
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / n
  const middle = mean(({ x }) => x)
  const level = mean(({ y }) => y)
  const spread = points.reduce((sum, { x }) => sum + (x - middle) ** 2, 0)
  if (n < 3 || spread === 0) return { slope: Number.NaN, error: Number.NaN }
  const slope = points.reduce((sum, { x, y }) => sum + (x - middle) * (y - level), 0) / spread
  const rest = points.reduce((sum, { x, y }) => sum + (y - level - slope * (x - middle)) ** 2, 0)
  return { slope, error: Math.sqrt(rest / (n - 2) / spread) }
}
